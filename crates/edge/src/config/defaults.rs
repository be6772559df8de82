//! The first layer: what holds where nothing is written. A V1 home works with it as it is.

/// Read by the same code as every file, so a default that breaks a rule fails the tests.
pub(crate) const DEFAULTS: &str = r#"
base:
  site_name: SolThrive
  timezone: UTC
  language: en
  trust_clock_after_s: 120
  trust_unsynced_clock_after_s: 900
network:
  listen: 0.0.0.0:8080
  host_names: [solthrive.local]
meter:
  poll_every_ms: 1000
  service: split_phase
  profile_dir: profiles
  buses:
    - port: /dev/ttyUSB0
      meters: [{ profile: solthrive-v1 }]
  channels:
    - { role: main_l1, input: l1 }
    - { role: main_l2, input: l2 }
    - { role: pv, input: pv }
  ct_profiles: {}
api:
  token_file: token
  max_ws_clients: 64
  max_connections: 256
  max_body_kb: 64
  session_hours: 720
logging:
  level: info
  format: json
  file_mb: 5
storage:
  minute_days: 30
  keep_days: 365
  low_space_mb: 500
cloud:
  enabled: true
  url: https://api.solthrive.cloud
  interval_s: 15
  reconnect_spread_s: 300
  backfill_spread_s: 3600
tariff: {}
update: {}
"#;
