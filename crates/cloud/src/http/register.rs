//! `POST /v1/device/register`.

use axum::Json;
use axum::body::Body;
use axum::extract::{Extension, State};
use axum::http::HeaderMap;
use solthrive_cloud_store::meta::Asked;
use solthrive_domain::access::Machinery;
use solthrive_domain::registration::{Claim, Decision};
use solthrive_protocol::{Failure, FailureCode, Registered, Registration, RegistrationBody};

use super::answer::Refusal;
use super::body::parsed;
use super::server::Peer;
use super::state::{AppState, bearer};
use crate::clock::new_id;
use crate::ingest::Work;
use crate::notes::{Content, RegisteredNote};
use crate::secrets::InstallerCode;

/// Binds a device to the site and installer of the code that it names. Asking again gives the same answer.
///
/// Every wrong cause has one answer, so that nobody learns which part was wrong.
#[utoipa::path(
    post, path = "/v1/device/register", tag = "device", operation_id = "register", security(("device" = [])),
    request_body = RegistrationBody,
    responses(
        (status = 200, body = Registered),
        (status = 403, body = Failure, description = "Serial, device id, token and code do not go together"),
        (status = 409, body = Failure, description = "The device is bound to another site; both installers are told"),
        (status = 410, body = Failure, description = "The device was deactivated"),
        (status = "default", body = Failure, description = "429 and 503 carry Retry-After"),
    ),
)]
pub(super) async fn register(
    State(app): State<AppState>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Registered>, Refusal> {
    app.registration_from(peer.address())
        .map_err(Refusal::too_many)?;
    let token = bearer(&headers).ok_or_else(refused)?;
    app.attempts
        .may_try(token, app.clock.elapsed())
        .map_err(Refusal::too_many)?;
    let heard = parsed(&headers, body, |bytes| {
        Registration::parse(bytes)
            .map_err(|error| Refusal::new(FailureCode::NothingAcceptable, error.to_string()))
    })
    .await?;
    let code = InstallerCode::parse(&heard.code).map_err(|error| {
        Refusal::new(
            FailureCode::NothingAcceptable,
            format!("installer_code: {error}"),
        )
    })?;
    let asked = Asked {
        claim: Claim {
            serial: &heard.serial,
            device: heard.device,
        },
        token,
        code: code.hash(&app.pepper),
        model: &heard.model,
        firmware: &heard.firmware,
        config: heard.config.as_deref(),
    };
    let decision = app
        .registry
        .register(&asked, [new_id(), new_id()], app.clock.now())
        .await
        .map_err(|error| store(&error))?;
    match decision {
        Decision::Bind(site) | Decision::Bound(site) => {
            app.attempts.succeeded(token);
            tracing::info!(device = %heard.device, %site, "a device registered");
            if let Err(error) = app
                .devices
                .refresh(app.registry.as_ref(), app.clock.elapsed())
                .await
            {
                tracing::warn!(%error, "a device that registered is let in a moment later");
            }
            tell(&app, &heard).await;
            registered(&app, site).await
        }
        // One answer for every cause: that somebody lives there already is nobody's business.
        Decision::Refuse | Decision::Taken(_) => {
            app.attempts.failed(token, app.clock.elapsed());
            Err(refused())
        }
        Decision::Elsewhere { at, wanted } => {
            tracing::warn!(device = %heard.device, %at, %wanted, "a device is bound elsewhere");
            Err(Refusal::new(
                FailureCode::AlreadyBound,
                "this device is bound to another site; both installers are told",
            ))
        }
        Decision::Deactivated => Err(Refusal::new(
            FailureCode::Deactivated,
            "this device was deactivated",
        )),
    }
}

/// Lets what follows the log know of the device. It would hear of it with the first snapshot anyway.
async fn tell(app: &AppState, heard: &Registration) {
    let Some(committer) = &app.committer else {
        return;
    };
    let said = RegisteredNote {
        model: heard.model.clone(),
        firmware: heard.firmware.clone(),
    };
    if let Ok(note) = Content::Registered(said).note(heard.device)
        && let Err(error) = committer.commit(heard.device, Work::Note(note)).await
    {
        tracing::warn!(%error, "a registration is not in the log");
    }
}

async fn registered(
    app: &AppState,
    site: solthrive_domain::SiteId,
) -> Result<Json<Registered>, Refusal> {
    let readable = Machinery::of_the_service().may_read(site);
    let known = app
        .registry
        .site(readable)
        .await
        .map_err(|error| store(&error))?;
    let known =
        known.ok_or_else(|| Refusal::new(FailureCode::Internal, "the site is not known"))?;
    Ok(Json(Registered {
        site_id: site,
        time_zone: known.time_zone,
        server_time: app.clock.now().into(),
    }))
}

fn refused() -> Refusal {
    Refusal::new(
        FailureCode::RegistrationRefused,
        "serial, device id, token and installer code do not go together",
    )
}

fn store(error: &solthrive_cloud_store::StoreError) -> Refusal {
    tracing::error!(%error, "a registration could not be carried out");
    Refusal::unavailable("nothing can be registered now: come again")
}
