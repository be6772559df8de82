//! Walls around what appliances are asked, and by whom.

use super::walls::Wall;

const ASKED: &str = "crates/cloud-store/src/sql/people/commands.rs";
const TOLD: &str = "crates/cloud-store/src/sql/people/channel.rs";
const SENT: &str = "crates/cloud/src/channel/line/down.rs";

pub(super) const COMMANDS: &[Wall] = &[
    Wall {
        name: "each kind of command needs a scope of its own",
        file: "crates/domain/src/access/commands.rs",
        stands: "parts.find(|part| part.scopes.contains(kind.scope()))?",
        gone: "parts.next()?",
    },
    Wall {
        name: "no command is shown of a kind that the caller could not ask",
        file: ASKED,
        stands: "AND $2 LIKE '%,' || command.kind || ',%' AND",
        gone: "AND $2 LIKE '%' AND",
    },
    Wall {
        name: "no command is shown of before the caller's time",
        file: ASKED,
        stands: "AND command.created_at >= $3",
        gone: "AND $3 IS NOT NULL",
    },
    Wall {
        name: "a device has a say in its own commands",
        file: TOLD,
        stands: "($2 IS NULL OR (device = $2 AND EXISTS (",
        gone: "($2 IS NULL OR (device IS NOT NULL AND EXISTS (",
    },
    Wall {
        name: "and only as long as it is at that home",
        file: TOLD,
        stands: "AND assignment.to_at IS NULL)))\",",
        gone: ")))\",",
    },
    Wall {
        name: "who lost his right while his command waited is not obeyed",
        file: SENT,
        stands: " || !channels.judge.still_may(command, kind, now).await?",
        gone: "",
    },
    Wall {
        name: "an appliance that moved gets nothing of its former home",
        file: SENT,
        stands: "if !command.is_there || ",
        gone: "if ",
    },
];
