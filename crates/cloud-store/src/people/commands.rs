//! Commands to appliances: asked for by people and programs, sent by whichever node the appliance is connected to.

use std::collections::BTreeSet;

use async_trait::async_trait;
use solthrive_domain::access::{By, CommandedSite, SeenCommands};
use solthrive_domain::command::{Kind, State, Word};
use solthrive_domain::telemetry::UnixMillis;
use solthrive_domain::{CommandId, DeviceId, SiteId, SupportId};

use crate::StoreError;

/// A command that is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewCommand {
    /// Its id.
    pub id: CommandId,
    /// For this device; for the one that is there if it is not said.
    pub device: Option<DeviceId>,
    /// What more is said of it, JSON.
    pub args: String,
    /// Until when it may begin.
    pub expires_at: UnixMillis,
}

/// How many commands there may be of one device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    /// That are not over.
    pub open: u32,
    /// That were asked for within a day.
    pub a_day: u32,
}

/// What became of asking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AskedFor {
    /// It is stored, for this device.
    Stored(DeviceId),
    /// There is no such device at the site, or none at all.
    NoDevice,
    /// As many as may be are not over.
    TooManyOpen,
    /// As many as may be were asked for within a day; the next one may be at this time.
    TooManyToday(UnixMillis),
}

/// A command, and how far it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// Its id.
    pub id: CommandId,
    /// At which site.
    pub site: SiteId,
    /// To which device.
    pub device: DeviceId,
    /// What is asked.
    pub kind: Kind,
    /// What more is said of it, JSON.
    pub args: String,
    /// Who asked.
    pub asked_by: By,
    /// His name, or the program's.
    pub asker: Option<String>,
    /// The visit that gave the right, if nothing else did.
    pub support: Option<SupportId>,
    /// When it was asked for.
    pub created_at: UnixMillis,
    /// Until when it may begin.
    pub expires_at: UnixMillis,
    /// How far it is.
    pub state: State,
    /// How much of it is done, in thousandths.
    pub progress: Option<u16>,
    /// What came of it, JSON.
    pub result: Option<String>,
    /// When it was sent first.
    pub sent_at: Option<UnixMillis>,
    /// When its device was heard of last about it.
    pub told_at: Option<UnixMillis>,
    /// When it was over.
    pub ended_at: Option<UnixMillis>,
}

/// Where a page of a list ends: time and id of its last command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CommandKey {
    /// When it was asked for.
    pub created_at: UnixMillis,
    /// Its id.
    pub id: CommandId,
}

/// What became of taking a command back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TakenBack {
    /// No device gets it.
    Done,
    /// It was sent, or is over.
    TooLate,
    /// There is none of this id at the site.
    Unknown,
}

/// A command that waits for word of its device, as far as nodes keep it in mind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CommandNews {
    /// Its id.
    pub id: CommandId,
    /// Its device.
    pub device: DeviceId,
    /// How far it is.
    pub state: State,
    /// Until when it may begin.
    pub expires_at: UnixMillis,
}

/// A command that is not over, for the node that its device is connected to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenCommand {
    /// Its id.
    pub id: CommandId,
    /// At which site.
    pub site: SiteId,
    /// What is asked, as it is stored: a newer node may have stored a kind that this one does not know.
    pub kind: String,
    /// What more is said of it, JSON.
    pub args: String,
    /// Who asked.
    pub asked_by: By,
    /// The visit that gave the right, if nothing else did.
    pub support: Option<SupportId>,
    /// Until when it may begin.
    pub expires_at: UnixMillis,
    /// How far it is.
    pub state: State,
    /// Its device is still there, and lets commands in.
    pub is_there: bool,
}

/// What a device says of a command.
#[derive(Debug, Clone, PartialEq)]
pub struct Told {
    /// How far it is.
    pub word: Word,
    /// How much of it is done, in thousandths.
    pub progress: Option<u16>,
    /// What came of it, JSON.
    pub result: Option<String>,
}

/// Commands as an engine keeps them. Asking and taking back leave lines in the audit log; what devices say does not.
#[async_trait]
pub trait Commands: Send + Sync {
    /// Asks for a command. It is stored before anything is sent.
    async fn ask_command(
        &self,
        by: By,
        right: CommandedSite,
        command: &NewCommand,
        share: Share,
        now: UnixMillis,
    ) -> Result<AskedFor, StoreError>;

    /// Commands of a site, the newest first.
    async fn commands(
        &self,
        right: &SeenCommands,
        after: Option<CommandKey>,
        most: u32,
    ) -> Result<Vec<Command>, StoreError>;

    /// One of a site, whatever its kind: whether it may be seen is still to be asked.
    async fn command(&self, site: SiteId, id: CommandId) -> Result<Option<Command>, StoreError>;

    /// Takes one back that was not sent yet.
    async fn take_back(
        &self,
        by: By,
        right: CommandedSite,
        id: CommandId,
        now: UnixMillis,
    ) -> Result<TakenBack, StoreError>;

    /// What began or ceased to wait for its device after a revision, and up to which one that is; at first, what waits.
    async fn command_news(&self, since: Option<i64>)
    -> Result<(i64, Vec<CommandNews>), StoreError>;

    /// What of a device is not over, the oldest first; at most 100.
    async fn open_commands(&self, device: DeviceId) -> Result<Vec<OpenCommand>, StoreError>;

    /// A command is about to be sent; false when it must not be, because something happened to it meanwhile.
    async fn begin_to_send(&self, id: CommandId, now: UnixMillis) -> Result<bool, StoreError>;

    /// A command that waits is nobody's any more: its device is elsewhere, or who asked may not ask it any more.
    async fn void_command(&self, id: CommandId, now: UnixMillis) -> Result<bool, StoreError>;

    /// Takes in what a device says of a command of its own, at the site where it was asked. False when that changes nothing.
    async fn command_told(
        &self,
        device: DeviceId,
        id: CommandId,
        told: &Told,
        now: UnixMillis,
    ) -> Result<bool, StoreError>;

    /// Ends what is overdue or lost its device, and deletes what ended before `forget`; how many ended.
    async fn sweep_commands(&self, now: UnixMillis, forget: UnixMillis) -> Result<u64, StoreError>;

    /// Somebody watches these sites until then, at least.
    async fn watch_live(
        &self,
        sites: &BTreeSet<SiteId>,
        until: UnixMillis,
    ) -> Result<(), StoreError>;

    /// Sites that somebody watches.
    async fn live_watched(&self, now: UnixMillis) -> Result<BTreeSet<SiteId>, StoreError>;
}
