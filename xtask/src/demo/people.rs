//! Three people who sign in to the demo's cloud: who lives there, who installed it, who runs it.

use std::fs;
use std::path::Path;

use anyhow::Result;
use serde::{Deserialize, Serialize};

use super::cloud::Console;

/// Somebody who can sign in.
#[derive(Serialize, Deserialize)]
pub(super) struct Person {
    pub(super) what: String,
    pub(super) email: String,
    pub(super) password: String,
}

/// What they are, their addresses, names and orgs; `Household 9000` lives where the real appliance is.
const PEOPLE: [(&str, &str, &str, &str); 3] = [
    (
        "homeowner",
        "home@demo.example",
        "Hanna Home",
        "Household 9000",
    ),
    (
        "installer",
        "installer@demo.example",
        "Ivo Install",
        "Sunrise Solar",
    ),
    ("admin", "admin@demo.example", "Ada Admin", "SolThrive"),
];
/// Good enough for a cloud that listens on this machine only, and easy to type.
const PASSWORD: &str = "solthrive-demo";

/// Makes them, once.
pub(super) fn invite(console: &Console<'_>, file: &Path) -> Result<Vec<Person>> {
    let known = fs::read(file)
        .ok()
        .and_then(|text| serde_json::from_slice(&text).ok());
    if let Some(known) = known {
        return Ok(known);
    }
    console.run(&["org", "new", "SolThrive", "--kind", "platform"])?;
    let mut people = Vec::new();
    for (what, email, name, org) in PEOPLE {
        let words = [
            "user",
            "new",
            email,
            "--name",
            name,
            "--org",
            org,
            "--password-stdin",
        ];
        console.run_with(&words, PASSWORD)?;
        people.push(Person {
            what: what.to_owned(),
            email: email.to_owned(),
            password: PASSWORD.to_owned(),
        });
    }
    fs::write(file, serde_json::to_string_pretty(&people)?)?;
    Ok(people)
}
