// The pages that links in letters, and the first words of the service, lead to. What stands after the `#` is secret:
// it is sent in a body and taken out of the address at once, so that it stays in no history.
"use strict";

const token = location.hash.slice(1);
history.replaceState(null, "", location.pathname);

const element = (id) => document.getElementById(id);
const say = (text) => { element("about").textContent = text; };

async function call(path, body) {
  const answer = await fetch(path, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  const told = answer.status === 204 || answer.status === 202 ? {} : await answer.json().catch(() => ({}));
  if (answer.ok) return told;
  const field = told.errors && told.errors[0];
  const gone = answer.status === 404 ? "This link was used already, is over, or was never one." : "";
  throw new Error(gone || (field ? `${field.field}: ${field.detail}` : told.title) || `Error ${answer.status}`);
}

// Shows these fields; `done` is called with what was typed.
function ask(title, about, fields, done) {
  element("title").textContent = title;
  say(about);
  const form = element("form");
  for (const label of form.querySelectorAll("label")) {
    const wanted = fields.includes(label.dataset.for);
    label.hidden = !wanted;
    label.querySelector("input").disabled = !wanted;
  }
  form.hidden = false;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = form.querySelector("button");
    button.disabled = true;
    try {
      const text = await done(Object.fromEntries(new FormData(form)));
      form.hidden = true;
      say(text);
    } catch (error) {
      say(error.message);
    } finally {
      button.disabled = false;
    }
  });
}

const pages = {
  async "/setup"() {
    ask("The first admin", "Nobody can sign in yet. Whoever fills this in runs this installation.", ["email", "name", "password"], async (typed) => {
      await call("/api/v1/setup", { code: token, ...typed });
      return "Done. You can sign in now.";
    });
  },
  async "/password"() {
    ask("A new password", "It works from now on, and every browser is signed out.", ["password"], async (typed) => {
      await call("/api/v1/auth/password", { token, ...typed });
      return "Done. Sign in with the new password.";
    });
  },
  async "/invitation"() {
    const told = await call("/api/v1/invitations/look", { token });
    const about = `${told.org} asks ${told.email} to join as ${told.role}.`;
    const fields = told.known ? ["password"] : ["name", "password"];
    ask(`Join ${told.org}`, told.known ? `${about} Your password, please.` : about, fields, async (typed) => {
      if (told.known) {
        const signed = await call("/api/v1/auth/session", { email: told.email, password: typed.password });
        if (signed.second_factor === "missing") throw new Error("Sign in with your second factor first, then open the letter again.");
        await call("/api/v1/invitations/accept", { token });
      } else {
        await call("/api/v1/invitations/accept", { token, ...typed });
      }
      return `Done. You belong to ${told.org} now.`;
    });
  },
  async "/transfer"() {
    const told = await call("/api/v1/transfers/look", { token });
    const past = { all: "with all of its past", from_date: "with a part of its past", none: "without its past" }[told.history];
    ask(told.site, `${told.from} hands "${told.site}" over to ${told.email}, ${past}. Your password, please.`, ["password"], async (typed) => {
      const signed = await call("/api/v1/auth/session", { email: told.email, password: typed.password });
      if (signed.second_factor === "missing") throw new Error("Sign in with your second factor first, then open the letter again.");
      await call("/api/v1/transfers/accept", { token });
      return `Done. "${told.site}" is yours now.`;
    });
  },
};

const page = pages[location.pathname];
if (!token || !page) say("This page is opened by the link in a letter.");
else page().catch((error) => say(error.message));
