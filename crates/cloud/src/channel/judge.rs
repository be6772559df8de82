//! Whether who asked still may, at the moment in which a command is about to be sent: a home can be sold, a grant or a
//! visit end, a person be shut out while a command waits for days.

use std::sync::Arc;

use solthrive_cloud_store::StoreError;
use solthrive_cloud_store::people::{Homes, Jobs, OpenCommand, Programs};
use solthrive_cloud_store::sql::SqlStore;
use solthrive_domain::access::{Actor, By, Credential, SecondFactor, Support};
use solthrive_domain::command::Kind;
use solthrive_domain::telemetry::UnixMillis;
use solthrive_domain::{ClientId, UserId};

use crate::api::program_as_actor;

/// Asks the store, and the rules.
pub(super) struct Judge {
    homes: Arc<dyn Homes>,
    people: Arc<dyn Jobs>,
    programs: Arc<dyn Programs>,
}

impl Judge {
    pub(super) fn new(store: &Arc<SqlStore>) -> Self {
        Self {
            homes: store.clone(),
            people: store.clone(),
            programs: store.clone(),
        }
    }

    /// Whether who asked may ask this now.
    pub(super) async fn still_may(
        &self,
        command: &OpenCommand,
        kind: Kind,
        now: UnixMillis,
    ) -> Result<bool, StoreError> {
        let actor = match command.asked_by {
            By::User(user) => self.person(user, command, now).await?,
            By::Client(client) => self.program(client).await?,
            By::Console | By::Device | By::Service => return Ok(true),
        };
        let Some(actor) = actor else {
            return Ok(false);
        };
        let home = self.homes.home(&actor, command.site, now).await?;
        Ok(home.is_some_and(|home| home.access.commands(kind).is_some()))
    }

    /// The person, as if he sat at a browser; the store says whether his visit is still open.
    async fn person(
        &self,
        user: UserId,
        command: &OpenCommand,
        now: UnixMillis,
    ) -> Result<Option<Actor>, StoreError> {
        let visit = command.support.map(|id| Support {
            id,
            site: command.site,
            from: UnixMillis::EPOCH,
            until: now.plus_ms(1),
        });
        let memberships = self.people.still(user).await?;
        Ok(memberships.map(|memberships| Actor {
            user: Some(user),
            client: None,
            credential: Credential::Session(SecondFactor::Passed),
            memberships,
            support: visit.into_iter().collect(),
        }))
    }

    async fn program(&self, client: ClientId) -> Result<Option<Actor>, StoreError> {
        let program = self.programs.program(client).await?;
        Ok(program.as_ref().and_then(program_as_actor))
    }
}
