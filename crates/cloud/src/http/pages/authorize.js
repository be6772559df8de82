// An app sends its person here (RFC 6749, 4.1.1). Who it is and where it will send him is told by the service, not by
// the address; only to an address that the app registered is anybody ever sent back.
"use strict";

const asked = new URLSearchParams(location.search);
const element = (id) => document.getElementById(id);
const say = (text) => { element("about").textContent = text; };

// In the words of somebody who has never heard of scopes.
const WORDS = {
  production: "see what the panels make",
  consumption: "see what the home uses, and what it takes from and gives to the grid",
  live: "see both as they happen",
  alerts: "see what is wrong, and what happened",
  "config.read": "see how meters and appliances are set up",
  "config.write": "change how meters and appliances are set up",
  commands: "tell the appliance what to do",
  logs: "read the appliance's log",
  export: "take everything along in one file",
};

class Refused extends Error {
  constructor(status, told) {
    const field = told.errors && told.errors[0];
    super(field ? `${field.field}: ${field.detail}` : told.title || `Error ${status}`);
    this.status = status;
    this.code = told.code;
  }
}

async function call(path, body) {
  const headers = { "content-type": "application/json" };
  const answer = await fetch(path, body ? { method: "POST", headers, body: JSON.stringify(body) } : {});
  const told = answer.status === 204 ? {} : await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Refused(answer.status, told);
  return told;
}

// Back to the app, with what went wrong (RFC 6749, 4.1.2.1) and who says so (RFC 9207).
async function back(error, description) {
  const server = await call("/.well-known/oauth-authorization-server");
  const to = new URL(asked.get("redirect_uri"));
  to.searchParams.append("error", error);
  if (description) to.searchParams.append("error_description", description);
  if (asked.has("state")) to.searchParams.append("state", asked.get("state"));
  to.searchParams.append("iss", server.issuer);
  location.replace(to.href);
}

// Shows one of the forms; `done` is called with it when it is sent.
function show(id, about, done) {
  for (const form of document.querySelectorAll("form")) form.hidden = form.id !== id;
  say(about);
  element(id).onsubmit = async (event) => {
    event.preventDefault();
    const buttons = element(id).querySelectorAll("button");
    for (const button of buttons) button.disabled = true;
    try {
      await done(new FormData(element(id)), event.submitter);
    } catch (error) {
      say(error.message);
    } finally {
      for (const button of buttons) button.disabled = false;
    }
  };
}

async function begin() {
  const client = asked.get("client_id") || "";
  if (!/^[0-9a-f-]{36}$/i.test(client)) return say("This link names no app. Go back to the app and try again.");
  try {
    await consent(await call(`/api/v1/oauth/clients/${client}`));
  } catch (error) {
    if (error.status === 401) {
      show("sign-in", "Sign in to answer it.", async (typed) => {
        await call("/api/v1/auth/session", Object.fromEntries(typed));
        await begin();
      });
    } else if (error.code === "second-factor") {
      show("factor", "One more step.", async (typed) => {
        await call("/api/v1/auth/factor", Object.fromEntries(typed));
        await begin();
      });
    } else {
      say(error.status === 404 ? "There is no such app. Nothing was sent to anybody." : error.message);
    }
  }
}

// What is wrong with the app's question, in the words of the standard.
function wrong(app, scopes) {
  if (asked.get("response_type") !== "code") return ["unsupported_response_type", "code"];
  if (asked.get("code_challenge_method") !== "S256" || !/^[\w-]{43}$/.test(asked.get("code_challenge") || "")) {
    return ["invalid_request", "PKCE with S256 is needed"];
  }
  if (scopes.length === 0 || !scopes.every((scope) => app.scopes.includes(scope))) {
    return ["invalid_scope", app.scopes.join(" ")];
  }
  return null;
}

async function consent(app) {
  if (!app.redirect_uris.includes(asked.get("redirect_uri"))) {
    return say("This link leads back to an address that the app did not register. Nothing was sent to anybody.");
  }
  const scopes = (asked.get("scope") || app.scopes.join(" ")).split(" ").filter(Boolean);
  const problem = wrong(app, scopes);
  if (problem) return back(...problem);
  element("title").textContent = `"${app.name}" asks for your homes' data`;
  element("where").textContent = new URL(asked.get("redirect_uri")).host;
  element("scopes").replaceChildren(...scopes.map((scope) => {
    const line = document.createElement("li");
    line.textContent = WORDS[scope] || scope;
    return line;
  }));
  await sites();
  show("consent", `It is made by ${app.org}.`, async (typed, button) => {
    if (button && button.value === "deny") return back("access_denied");
    const chosen = typed.getAll("site");
    if (typed.get("which") === "some" && chosen.length === 0) throw new Error("Choose at least one home, or all.");
    const made = await call("/api/v1/oauth/consents", {
      client_id: app.id,
      redirect_uri: asked.get("redirect_uri"),
      scopes,
      ...(typed.get("which") === "some" ? { sites: chosen } : {}),
      code_challenge: asked.get("code_challenge"),
      code_challenge_method: "S256",
      ...(asked.has("state") ? { state: asked.get("state") } : {}),
    });
    location.replace(made.redirect);
  });
}

async function sites() {
  const listed = await call("/api/v1/sites?limit=100");
  element("sites").replaceChildren(...listed.items.map((site) => {
    const label = document.createElement("label");
    label.className = "choice";
    const box = Object.assign(document.createElement("input"), { type: "checkbox", name: "site", value: site.id });
    // Whoever picks a home means only those that he picks.
    box.onchange = () => { element("consent").elements.which.value = "some"; };
    label.append(box, site.name);
    return label;
  }));
}

begin().catch((error) => say(error.message));
