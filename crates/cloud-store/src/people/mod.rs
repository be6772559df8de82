//! People, how they sign in, and the homes that are theirs or were shown to them.
//!
//! Ports over the same tables: [`Accounts`] is who is who, [`Recovery`] sets passwords, [`Orgs`] is who
//! belongs where, [`Homes`] is which sites a caller reaches, [`Tenancy`] changes that;
//! [`Programs`] are those of partners and apps, [`Consents`] what people let them do. Whatever a caller asks for is found by what he is a member of or
//! was given, and judged once more by `solthrive_domain::access` with what the store knew at that moment.

mod accounts;
mod commands;
mod commissioning;
mod consents;
mod erasures;
mod homes;
mod identities;
mod jobs;
mod office;
mod orgs;
mod programs;
mod recovery;
mod tenancy;
mod transfers;

pub use self::accounts::{
    Accounts, Added, Caller, EmailKey, Factor, NewSession, NewToken, NewUser, NotAnAddress, Proof,
    SessionLine, SignIn, TokenLine, User,
};
pub use self::commands::{
    AskedFor, Command, CommandKey, CommandNews, Commands, NewCommand, OpenCommand, Share,
    TakenBack, Told,
};
pub use self::commissioning::{Commissioning, NewHome, SiteCode};
pub use self::consents::{
    BroughtCode, ConsentLine, Consents, Exchanged, Given, NewConsent, NewRefresh,
};
pub use self::erasures::{
    Backup, Closing, Erasure, ErasureState, Erasures, Found as Remnant, NewErasure, Passed,
};
pub use self::homes::{Home, HomeFilter, Homes, Page, PageKey};
pub use self::identities::{
    Identities, IdentityLine, Linked, Linking, NewTrip, Trip, WhoElsewhere,
};
pub use self::jobs::{Job, JobKind, JobState, Jobs, NewJob};
pub use self::office::{
    AuditFilter, Found, FoundDevice, FoundOrg, FoundPerson, FoundSite, Office, Person, ShutOut,
};
pub use self::orgs::{
    Accepted, Accepting, Changed, InvitationLine, Invited, MemberLine, NewInvitation, OrgLine, Orgs,
};
pub use self::programs::{NewProgram, Program, ProgramLine, Programs, SigningKey};
pub use self::recovery::{Addressee, Recovery};
pub use self::tenancy::{EndedBy, GrantLine, NewGrant, NewSupport, SupportLine, Tenancy};
pub use self::transfers::{
    Edited, History, NewTransfer, Offered, SiteEdit, Taken, TransferLine, Transfers,
};
