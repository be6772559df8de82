//! The shell around the loader: folders, permissions, the last good configuration, the samples.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests may panic: that is how a test fails"
)]

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use solthrive_edge::config::files::{Places, load_files};
use solthrive_edge::config::last_good::{self, load_or_last_good};
use solthrive_edge::config::{ConfigErrors, Loaded, Origin};

struct Site {
    folder: tempfile::TempDir,
    places: Places,
}

impl Site {
    fn new(files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let places = Places {
            config_dir: root.join("etc"),
            override_file: root.join("boot/config.yaml"),
            data_dir: root.join("var"),
        };
        fs::create_dir_all(&places.config_dir).unwrap();
        fs::create_dir_all(root.join("boot")).unwrap();
        let site = Self { folder, places };
        files.iter().for_each(|(name, text)| site.write(name, text));
        site
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.places.config_dir.join(name), text).unwrap();
    }

    fn load(&self) -> Result<Loaded, ConfigErrors> {
        load_files(&self.places, [])
    }

    /// Messages with the temporary folder's name taken out.
    fn lines(&self, errors: &ConfigErrors) -> String {
        let root = self.folder.path().display().to_string();
        errors
            .problems
            .iter()
            .chain(&errors.warnings)
            .map(|problem| problem.one_line().replace(&root, ""))
            .collect::<Vec<_>>()
            .join("\n")
    }
}

#[test]
fn files_the_override_and_the_environment_come_together() {
    let site = Site::new(&[
        ("base.yaml", "timezone: Europe/Berlin\nsite_name: One\n"),
        ("meter.yaml~", "rubbish: ["),
    ]);
    fs::write(&site.places.override_file, "base: {site_name: Two}\n").unwrap();
    let loaded = site.load().unwrap();
    assert_eq!(loaded.config.site.name, "Two");
    let env = [(
        OsString::from("SOLTHRIVE__BASE__SITE_NAME"),
        OsString::from("Three"),
    )];
    assert_eq!(
        load_files(&site.places, env).unwrap().config.site.name,
        "Three"
    );
    assert_eq!(
        loaded.config.api.token_file,
        site.places.config_dir.join("token")
    );
}

#[test]
fn a_folder_that_is_not_there_means_the_defaults() {
    let site = Site::new(&[]);
    fs::remove_dir(&site.places.config_dir).unwrap();
    let loaded = site.load().unwrap();
    assert!(
        loaded
            .warnings
            .iter()
            .any(|warning| warning.message.contains("does not exist"))
    );
}

#[test]
fn what_is_there_and_cannot_be_read_is_an_error() {
    let site = Site::new(&[]);
    let etc = &site.places.config_dir;
    symlink("nowhere", etc.join("base.yaml")).unwrap();
    fs::create_dir(etc.join("network.yaml")).unwrap();
    fs::write(etc.join("meter.yaml"), b"service: split_phase\n# caf\xe9\n").unwrap();
    fs::write(etc.join("api.yaml"), "#".repeat(300 * 1024)).unwrap();
    symlink("nowhere", &site.places.override_file).unwrap();
    insta::assert_snapshot!(site.lines(&site.load().unwrap_err()), @r"
    /etc/api.yaml: the file cannot be used: it has 300 kB, but a configuration file has at most 256 kB
    /etc/base.yaml: the file cannot be used: No such file or directory (os error 2)
    /etc/meter.yaml: the file cannot be used: line 2 is not UTF-8 text; save it as UTF-8
    /etc/network.yaml: the file cannot be used: it is no ordinary file
    /boot/config.yaml: the file cannot be used: No such file or directory (os error 2)
    default: base.timezone is not set, so days and months are those of UTC; write the site's zone in base.yaml, such as `timezone: America/Los_Angeles`
    ");
}

#[test]
fn a_typo_starts_the_last_good_configuration_and_says_so() {
    let site = Site::new(&[("base.yaml", "timezone: Europe/Berlin\nsite_name: Good\n")]);
    let good = load_or_last_good(&site.places, []).unwrap();
    assert!(good.errors.is_none());
    site.write("base.yaml", "timezone: Europe/Berlin\nsite_nme: Bad\n");
    let started = load_or_last_good(&site.places, []).unwrap();
    assert_eq!(started.loaded.config.site.name, "Good");
    insta::assert_snapshot!(site.lines(&started.errors.unwrap()), @"/etc/base.yaml:2: unknown key base.site_nme; did you mean site_name?");
    let from = |key: &str| {
        started
            .loaded
            .effective
            .iter()
            .find(|value| value.key() == key)
            .map(|value| value.origin.clone())
    };
    assert!(
        matches!(from("base.site_name"), Some(Origin::File(file, _)) if file.ends_with("last-good-config.json"))
    );
}

#[test]
fn everything_that_counts_survives_as_last_good() {
    let meter = "
service: three_phase
solar_nameplate_kw: 9.9
ct_profiles: {big: {rating_a: 200, scale: 0.5}}
buses:
  - name: roof
    tcp: inverter.lan:1502
    meters: [{name: sun, profile: eastron-sdm630, unit: 9, points: [p_l1, v_l1, p_total], timeout_ms: 900}]
  - name: cellar
    port: usb:0403:6001:A5
    baud: 19200
    meters: [{name: grid, profile: solthrive-v1, registers: {e_exp: {address: 0x0104, k: 0.1}}}]
channels:
  - {role: main, meter: grid, input: total, ct_profile: big, invert: true}
  - {role: pv, name: south, meter: sun, input: l1}
";
    let site = Site::new(&[
        ("base.yaml", "timezone: Europe/Berlin\nsite_name: \"010\"\n"),
        ("meter.yaml", meter),
        (
            "tariff.yaml",
            "currency: EUR\nimport_rate: 0.3\nexport_rate: -1e-3\n",
        ),
    ]);
    let good = load_or_last_good(&site.places, []).unwrap().loaded.config;
    site.write("api.yaml", "rubbish");
    let again = load_or_last_good(&site.places, []).unwrap();
    assert!(again.errors.is_some());
    assert_eq!(format!("{:#?}", again.loaded.config), format!("{good:#?}"));
}

#[test]
fn a_good_file_that_vanished_is_no_reason_to_run_on_defaults() {
    let site = Site::new(&[("base.yaml", "timezone: Europe/Berlin\nsite_name: Good\n")]);
    load_or_last_good(&site.places, []).unwrap();
    fs::remove_file(site.places.config_dir.join("base.yaml")).unwrap();
    let started = load_or_last_good(&site.places, []).unwrap();
    assert_eq!(started.loaded.config.site.name, "Good");
    insta::assert_snapshot!(site.lines(&started.errors.unwrap()), @r"
    /etc/base.yaml: this file belonged to the last good configuration and is gone; restore it; if its settings shall no longer count, leave an empty file in its place
    default: base.timezone is not set, so days and months are those of UTC; write the site's zone in base.yaml, such as `timezone: America/Los_Angeles`
    ");
    site.write("base.yaml", "");
    assert_eq!(
        load_or_last_good(&site.places, [])
            .unwrap()
            .loaded
            .config
            .site
            .name,
        "SolThrive"
    );
}

#[test]
fn without_a_last_good_configuration_the_errors_are_the_answer() {
    let site = Site::new(&[("base.yaml", "site_nme: Bad\n")]);
    assert!(load_or_last_good(&site.places, []).is_err());
    fs::create_dir_all(&site.places.data_dir).unwrap();
    fs::write(
        last_good::path(&site.places.data_dir),
        "{\"sources\": [], \"config\": {\"meter\": {\"poll_every_ms\": 3}}}",
    )
    .unwrap();
    let errors = load_or_last_good(&site.places, []).unwrap_err();
    insta::assert_snapshot!(site.lines(&errors), @r"
    /etc/base.yaml:1: unknown key base.site_nme; did you mean site_name?
    default: base.timezone is not set, so days and months are those of UTC; write the site's zone in base.yaml, such as `timezone: America/Los_Angeles`
    /var/last-good-config.json: the last good configuration is no longer valid either; /var/last-good-config.json:3: meter.poll_every_ms is `3`, but the time between polls runs from 1000 to 60000
    ");
}

#[test]
fn the_last_good_configuration_is_private_and_written_only_when_it_changes() {
    let site = Site::new(&[]);
    load_or_last_good(&site.places, []).unwrap();
    let path = last_good::path(&site.places.data_dir);
    let before = fs::metadata(&path).unwrap();
    assert_eq!(before.permissions().mode() & 0o777, 0o600);
    load_or_last_good(&site.places, []).unwrap();
    let inode = std::os::unix::fs::MetadataExt::ino;
    assert_eq!(inode(&fs::metadata(&path).unwrap()), inode(&before));
    assert_eq!(
        fs::read_dir(&site.places.data_dir).unwrap().count(),
        1,
        "no temporary file is left"
    );
}

#[test]
fn a_broken_custom_profile_is_reported_and_hurts_only_the_meter_that_wants_it() {
    let site = Site::new(&[("base.yaml", "timezone: UTC\n")]);
    fs::create_dir(site.places.config_dir.join("profiles")).unwrap();
    site.write("profiles/mine.yaml", "id: mine\nvendor: [\n");
    let loaded = site.load().unwrap();
    assert_eq!(loaded.warnings.len(), 1, "{:?}", loaded.warnings);
    assert!(
        loaded.warnings[0]
            .origin
            .file()
            .unwrap()
            .ends_with("profiles/mine.yaml")
    );
    site.write(
        "meter.yaml",
        "buses: [{port: /dev/ttyUSB0, meters: [{profile: mine}]}]\n",
    );
    let errors = site.load().unwrap_err();
    assert!(
        errors.problems[0]
            .hint
            .as_deref()
            .unwrap()
            .contains("mine.yaml"),
        "{errors}"
    );
}

#[test]
fn the_sample_files_load_and_their_commented_values_are_the_defaults() {
    let texts = samples();
    assert_eq!(texts.len(), 9);
    // As they are: comments only, so installing them changes nothing.
    let site = Site::new(
        &texts
            .iter()
            .map(|(name, text)| (name.as_str(), text.as_str()))
            .collect::<Vec<_>>(),
    );
    let plain = site.load().unwrap();
    assert!(
        plain
            .effective
            .iter()
            .all(|value| matches!(value.origin, Origin::Default | Origin::Profile(_)))
    );
    // With every `#key:` line made active, they say what holds anyway.
    for (name, text) in &texts {
        site.write(name, &parts(text).0);
    }
    let active = site.load().unwrap_or_else(|errors| panic!("{errors}"));
    let values = |loaded: &Loaded| {
        loaded
            .effective
            .iter()
            .map(|value| format!("{} = {}", value.key(), value.value))
            .collect::<Vec<_>>()
    };
    assert_eq!(values(&active), values(&plain));
    let unwritten: Vec<_> = active
        .effective
        .iter()
        .filter(|value| value.origin == Origin::Default && !value.key().contains('['))
        .map(solthrive_edge::config::Effective::key)
        .collect();
    assert_eq!(
        unwritten,
        ["meter.reference_meter"],
        "every setting with a default stands in a sample"
    );
}

#[test]
fn the_examples_in_the_samples_are_right() {
    let site = Site::new(&[]);
    for (name, text) in samples() {
        site.write(&name, &parts(&text).1);
    }
    let loaded = site.load().unwrap_or_else(|errors| panic!("{errors}"));
    assert_eq!(loaded.warnings, []);
    assert_eq!(loaded.config.buses.len(), 2);
    assert!(loaded.config.tariff.is_some() && loaded.config.site.main_rating_kw.is_some());
}

/// The defaults of a sample, `#key:` lines with the list items right below them; and the examples,
/// which follow `#   ` elsewhere. `# ` begins prose.
fn parts(text: &str) -> (String, String) {
    let (mut defaults, mut examples) = (String::new(), String::new());
    let mut inside = false;
    for line in text.lines() {
        let rest = line.strip_prefix('#').unwrap_or_default();
        inside = rest.starts_with(|c: char| c.is_ascii_lowercase())
            || (inside && rest.starts_with("  "));
        if inside {
            defaults += &format!("{rest}\n");
        } else if let Some(example) = rest.strip_prefix("   ") {
            examples += &format!("{example}\n");
        }
    }
    (defaults, examples)
}

fn samples() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("config");
    let paths = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let yaml = paths.filter(|path| path.extension().is_some_and(|end| end == "yaml"));
    yaml.map(|path| {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        (name, fs::read_to_string(path).unwrap())
    })
    .collect()
}

#[test]
fn the_manual_names_every_key_and_its_examples_load() {
    let manual = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/configuration.md");
    let manual = fs::read_to_string(manual).unwrap();
    let site = Site::new(&[("base.yaml", "timezone: UTC\n")]);
    for (name, text) in samples() {
        site.write(&name, &parts(&text).1);
    }
    for value in site.load().unwrap().effective {
        let key = value.key();
        let last = key.rsplit('.').next().unwrap().split('[').next().unwrap();
        assert!(
            manual.contains(&format!("`{last}`")) || key.contains("ct_profiles"),
            "{key} is not explained"
        );
    }
    let blocks = manual
        .split("```yaml\n")
        .skip(1)
        .filter_map(|rest| rest.split("```").next());
    let meters: Vec<&str> = blocks
        .filter(|block| block.starts_with("service:"))
        .collect();
    assert_eq!(meters.len(), 2);
    for example in meters {
        site.write("meter.yaml", example);
        let loaded = site
            .load()
            .unwrap_or_else(|errors| panic!("{example}\n{errors}"));
        assert_eq!(loaded.warnings, []);
    }
}
