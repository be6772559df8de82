//! Every engine keeps every promise.

use solthrive_cloud_store::StoreError;
use solthrive_cloud_store::archive::{Archive as _, Wrote};
use solthrive_cloud_store::conformance;
use solthrive_cloud_store::hot::{Appended, HotLog, Seq};
use solthrive_cloud_store::postgres::PostgresHotLog;
use solthrive_cloud_store::sql::SqlStore;
use solthrive_cloud_store::sqlite::{Folder, SqliteHotLog};
use solthrive_domain::telemetry::UnixMillis;
use solthrive_testkit::Database;
use sqlx::{Connection as _, Executor as _};
use tempfile::TempDir;

/// A test for each promise on each engine.
macro_rules! on_each_engine {
    ($engine:ident makes $port:ident with $make:expr; $($promise:ident),* $(,)?) => {
        mod $engine {
            $(#[test]
            fn $promise() {
                super::run(async {
                    let (store, _kept) = $make.await;
                    super::conformance::$port::$promise(&store).await;
                });
            })*
        }
    };
}

macro_rules! log_promises {
    ($engine:ident with $make:expr) => {
        on_each_engine!($engine makes hot with $make;
            entries_come_back_in_order,
            a_reader_with_little_room_still_gets_on,
            who_is_behind_appends_nothing_and_learns_what_it_missed,
            a_forgotten_number_is_not_used_again,
            large_and_empty_entries_come_back,
            the_newest_number_is_known_even_when_its_entry_is_forgotten,
            appends_work_on_any_day_prepared_or_not,
        );
    };
}

macro_rules! registry_promises {
    ($engine:ident with $make:expr) => {
        on_each_engine!($engine makes registry with $make;
            orgs_and_sites_come_back_as_they_were_added,
            nothing_belongs_to_what_does_not_exist,
            provisioning_twice_is_once_and_takes_nothing_from_anybody,
            a_device_is_bound_once_and_a_lost_answer_is_given_again,
            a_wrong_registration_changes_nothing,
            a_second_claim_is_told_to_both,
            what_changed_is_heard_of,
            a_device_has_at_most_two_tokens,
            a_replacement_takes_the_place_over,
            two_nodes_bind_a_device_once,
        );
    };
}

macro_rules! console_promises {
    ($engine:ident with $make:expr) => {
        on_each_engine!($engine makes console with $make;
            followers_hear_of_every_assignment,
            a_site_has_one_device_at_a_time,
            two_nodes_bind_one_device_to_a_site,
            a_revoked_code_lets_nobody_in,
            a_site_is_changed_as_a_whole,
            configurations_stay_with_their_site,
            an_older_token_is_retired,
        );
    };
}

macro_rules! rotation_promises {
    ($engine:ident with $make:expr) => {
        on_each_engine!($engine makes rotation with $make;
            a_token_takes_over_when_it_is_used,
            a_rotation_is_asked_for_once,
            a_rotation_needs_one_token_and_a_free_slot,
            only_the_open_rotation_prepares_a_token,
            only_the_prepared_token_completes_a_rotation,
            an_act_by_hand_ends_a_rotation,
            an_offer_is_taken_back,
            every_step_is_written_down,
            tokens_are_listed_by_age,
            two_nodes_rotate_once,
        );
    };
}

macro_rules! audit_promises {
    ($engine:ident with $make:expr) => {
        on_each_engine!($engine makes audit with $make;
            every_change_is_written_down,
            what_changed_nothing_is_not_written_down,
            rows_are_read_the_newest_first,
            the_chain_holds,
        );
    };
}

macro_rules! people_promises {
    ($engine:ident with $make:expr) => {
        on_each_engine!($engine makes people with $make;
            an_address_is_one_persons,
            the_first_person_runs_the_platform,
            a_session_ends_by_time_by_idling_and_by_hand,
            all_sessions_of_a_person_end_at_once,
            a_token_keeps_its_bounds_and_ends,
            a_second_factor_counts_once_it_was_proven,
            each_code_passes_a_session_once,
            homes_are_listed_page_by_page_and_no_others,
        );
    };
}

macro_rules! joining_promises {
    ($engine:ident with $make:expr) => {
        on_each_engine!($engine makes joining with $make;
            a_link_sets_a_password_once,
            a_person_gets_five_links_an_hour,
            a_changed_password_ends_the_other_sessions,
            an_invitation_joins_whom_it_was_meant_for_and_once,
            an_invitation_is_taken_back_by_its_own_org,
            an_org_always_keeps_an_admin,
        );
    };
}

macro_rules! transfers_promises {
    ($engine:ident with $make:expr) => {
        on_each_engine!($engine makes transfers with $make;
            an_edit_overwrites_nothing_that_it_did_not_see,
            a_home_is_taken_once_and_by_whom_it_was_offered_to,
            the_past_goes_along_as_far_as_was_said_and_never_further,
            an_offer_that_is_over_is_in_nobodys_way,
        );
    };
}

macro_rules! erasures_promises {
    ($engine:ident with $make:expr) => {
        on_each_engine!($engine makes erasures with $make;
            an_end_can_be_taken_back_until_it_comes,
            a_sold_home_is_not_erased,
            a_closed_home_is_nobodys,
            the_appliance_of_a_closed_home_is_free,
            a_receipt_is_written_once_and_not_before_the_purge,
            a_purged_home_leaves_nothing_that_a_search_finds,
            a_shared_day_keeps_the_other_homes_rows,
            an_end_comes_true_again_in_a_store_that_was_put_back,
            backups_are_known_until_they_are_deleted,
        );
    };
}

macro_rules! identities_promises {
    ($engine:ident with $make:expr) => {
        on_each_engine!($engine makes identities with $make;
            a_trip_ends_once_and_in_time,
            an_identity_is_one_persons,
            an_identity_of_nobody_signs_nobody_in,
            a_right_that_is_over_links_nothing_and_lets_nobody_in,
        );
    };
}

macro_rules! overtaken_promises {
    ($engine:ident with $make:expr) => {
        on_each_engine!($engine makes overtaken with $make;
            a_right_that_was_judged_before_a_sale_writes_nothing_after_it,
            what_an_owner_gives_while_he_sells_is_over_or_refused,
            a_manager_who_was_taken_out_manages_nothing,
        );
    };
}

macro_rules! commissioning_promises {
    ($engine:ident with $make:expr) => {
        on_each_engine!($engine makes commissioning with $make;
            an_installer_begins_homes_and_makes_codes,
            a_code_does_not_outlive_the_right_that_it_was_made_by,
        );
    };
}

macro_rules! office_promises {
    ($engine:ident with $make:expr) => {
        on_each_engine!($engine makes office with $make;
            everything_is_found_by_what_is_known_of_it,
            who_is_shut_out_gets_in_by_no_door,
            somebody_always_runs_the_platform,
            acts_are_found_by_what_they_are_about,
        );
    };
}

macro_rules! jobs_promises {
    ($engine:ident with $make:expr) => {
        on_each_engine!($engine makes jobs with $make;
            work_is_done_once_and_by_one_node,
            a_silent_nodes_work_is_somebody_elses,
            nothing_is_left_of_a_file_that_is_over,
            work_goes_on_for_who_can_sign_in,
        );
    };
}

macro_rules! commands_promises {
    ($engine:ident with $make:expr) => {
        on_each_engine!($engine makes commands with $make;
            a_command_is_stored_first,
            a_device_has_so_many_commands,
            a_command_is_over_once,
            a_foreign_devices_word_counts_nothing,
            a_command_is_taken_back_before_it_is_sent,
            nodes_hear_of_what_waits,
            what_is_overdue_ends,
            commands_are_listed_page_by_page,
            a_watched_home_is_known,
        );
    };
}

macro_rules! oauth_promises {
    ($engine:ident with $make:expr) => {
        on_each_engine!($engine makes oauth with $make;
            a_program_is_its_orgs,
            a_code_is_taken_once_as_it_was_given,
            a_refresh_token_that_comes_again_ends_its_family,
            two_nodes_take_nothing_twice,
            a_consent_ends_by_its_person_and_with_its_app,
            one_key_signs_and_old_ones_are_forgotten,
        );
    };
}

macro_rules! archive_promises {
    ($engine:ident with $make:expr) => {
        on_each_engine!($engine makes archive with $make;
            a_new_archive_knows_nothing,
            a_checkpoint_is_read_as_it_was_written,
            a_checkpoint_that_was_overtaken_changes_nothing,
            a_checkpoint_never_goes_back,
            a_past_comes_in_once_and_moves_no_cursor,
            two_nodes_write_a_stretch_once,
            a_large_checkpoint_is_read_as_it_was_written,
            ranges_hold_their_start_and_not_their_end,
            days_that_are_not_final_are_found,
            the_same_event_twice_is_one,
            fleets_are_seen_by_day_and_quarter,
            open_buckets_are_newer_than_stored_ones,
            today_is_seen_as_far_as_it_got,
            sealed_pieces_come_back_in_their_order,
            the_whole_fleets_days_are_found_once,
            how_far_a_device_is_sealed_only_grows,
            sealing_goes_on_from_where_it_is_and_not_beyond_the_fold,
            many_pieces_are_sealed_at_once,
            days_with_pieces_are_found_until_they_are_merged,
            a_merge_replaces_what_was_read_and_nothing_else,
            two_nodes_merge_a_day_once,
            what_was_set_aside_is_hidden_and_kept,
            a_scan_sees_every_chunk_once,
            a_site_sees_chunks_of_its_own_time,
            what_is_older_than_the_right_is_not_shown,
            a_site_sees_the_devices_that_are_there_now,
            chunks_are_kept_as_long_as_their_site_says,
            a_site_can_keep_less_than_usual,
            a_job_has_one_holder_at_a_time,
            a_job_that_was_given_back_is_free,
            who_lost_a_job_gives_nothing_back,
            two_processes_do_not_both_get_a_job,
        );
    };
}

mod log {
    use super::*;
    log_promises!(sqlite with super::sqlite_log());
    log_promises!(postgres with super::postgres_log());
}

mod registry {
    use super::*;
    registry_promises!(sqlite with super::sqlite_registry());
    registry_promises!(postgres with super::postgres_registry());
}

mod console {
    use super::*;
    console_promises!(sqlite with super::sqlite_registry());
    console_promises!(postgres with super::postgres_registry());
}

mod rotation {
    use super::*;
    rotation_promises!(sqlite with super::sqlite_registry());
    rotation_promises!(postgres with super::postgres_registry());
}

mod audit {
    use super::*;
    audit_promises!(sqlite with super::sqlite_registry());
    audit_promises!(postgres with super::postgres_registry());
}

mod people {
    use super::*;
    people_promises!(sqlite with super::sqlite_registry());
    people_promises!(postgres with super::postgres_registry());
}

mod overtaken {
    use super::*;
    overtaken_promises!(sqlite with super::sqlite_registry());
    overtaken_promises!(postgres with super::postgres_registry());
}

mod commissioning {
    use super::*;
    commissioning_promises!(sqlite with super::sqlite_registry());
    commissioning_promises!(postgres with super::postgres_registry());
}

mod office {
    use super::*;
    office_promises!(sqlite with super::sqlite_registry());
    office_promises!(postgres with super::postgres_registry());
}

mod identities {
    use super::*;
    identities_promises!(sqlite with super::sqlite_registry());
    identities_promises!(postgres with super::postgres_registry());
}

mod erasures {
    use super::*;
    erasures_promises!(sqlite with super::sqlite_registry());
    erasures_promises!(postgres with super::postgres_registry());
}

mod jobs {
    use super::*;
    jobs_promises!(sqlite with super::sqlite_registry());
    jobs_promises!(postgres with super::postgres_registry());
}

mod commands {
    use super::*;
    commands_promises!(sqlite with super::sqlite_registry());
    commands_promises!(postgres with super::postgres_registry());
}

mod transfers {
    use super::*;
    transfers_promises!(sqlite with super::sqlite_registry());
    transfers_promises!(postgres with super::postgres_registry());
}

mod joining {
    use super::*;
    joining_promises!(sqlite with super::sqlite_registry());
    joining_promises!(postgres with super::postgres_registry());
}

mod oauth {
    use super::*;
    oauth_promises!(sqlite with super::sqlite_registry());
    oauth_promises!(postgres with super::postgres_registry());
}

mod archive {
    use super::*;
    archive_promises!(sqlite with super::sqlite_registry());
    archive_promises!(postgres with super::postgres_registry());
}

async fn sqlite_log() -> (SqliteHotLog, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let log = SqliteHotLog::open(&folder.path().join("hot.db")).unwrap();
    (log, folder)
}

async fn postgres_log() -> (PostgresHotLog, Database) {
    let database = Database::fresh().unwrap();
    let log = PostgresHotLog::open(database.url()).await;
    (log.unwrap(), database)
}

async fn sqlite_registry() -> (SqlStore, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let registry = SqlStore::sqlite(&folder.path().join("meta.db")).await;
    (registry.unwrap(), folder)
}

async fn postgres_registry() -> (SqlStore, Database) {
    let database = Database::fresh().unwrap();
    let registry = SqlStore::postgres(database.url()).await;
    (registry.unwrap(), database)
}

#[test]
fn two_nodes_see_every_entry_once_and_in_order() {
    run(async {
        let (log, _folder) = sqlite_log().await;
        conformance::hot::two_nodes_see_every_entry_once_and_in_order(&log, &log).await;
        let (one, database) = postgres_log().await;
        let other = PostgresHotLog::open(database.url()).await.unwrap();
        conformance::hot::two_nodes_see_every_entry_once_and_in_order(&one, &other).await;
    });
}

pub(crate) fn run<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.unwrap().block_on(future)
}

fn now() -> UnixMillis {
    UnixMillis::try_from(1_000).unwrap()
}

#[test]
fn an_entry_is_there_after_the_log_was_opened_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hot.db");
    let log = SqliteHotLog::open(&path).unwrap();
    let Appended::At(first) = run(log.append(Seq::START, now(), vec![7])).unwrap() else {
        panic!("behind nobody");
    };
    run(log.forget_through(first)).unwrap();
    let Appended::At(second) = run(log.append(first, now(), vec![8])).unwrap() else {
        panic!("behind nobody");
    };
    drop(log);
    let log = SqliteHotLog::open(&path).unwrap();
    let entries = run(log.after(Seq::START, usize::MAX)).unwrap();
    assert_eq!(
        (entries.len(), entries[0].seq, &entries[0].blob),
        (1, second, &vec![8])
    );
    assert!(
        matches!(run(log.append(second, now(), vec![9])), Ok(Appended::At(seq)) if seq > second)
    );
}

#[test]
fn a_log_of_a_newer_program_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hot.db");
    let db = rusqlite::Connection::open(&path).unwrap();
    db.pragma_update(None, "user_version", 99).unwrap();
    drop(db);
    let error = SqliteHotLog::open(&path).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the store has schema 99, this program knows 1: run the newer one"
    );
}

#[test]
fn bytes_that_are_no_log_are_named_and_left_as_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hot.db");
    std::fs::write(&path, [0x5a; 8192]).unwrap();
    assert!(matches!(
        SqliteHotLog::open(&path),
        Err(StoreError::Damaged(_))
    ));
    assert_eq!(std::fs::read(&path).unwrap(), [0x5a; 8192]);
}

#[test]
fn a_folder_belongs_to_one_process_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let mine = Folder::take(folder.path()).unwrap();
    let error = Folder::take(folder.path()).unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with(&format!("is in use by process {}", std::process::id())),
        "{error}"
    );
    drop(mine);
    Folder::take(folder.path()).unwrap();
}

#[test]
fn a_registry_of_a_newer_program_is_left_alone() {
    run(async {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("meta.db");
        SqlStore::sqlite(&path).await.unwrap().close().await;
        let db = rusqlite::Connection::open(&path).unwrap();
        db.execute(
            "UPDATE _sqlx_migrations SET version = 99 WHERE version = (SELECT max(version) FROM _sqlx_migrations)",
            [],
        )
        .unwrap();
        let error = SqlStore::sqlite(&path).await.unwrap_err();
        assert!(
            matches!(error, StoreError::Newer { found: 99, .. }),
            "{error}"
        );
    });
}

#[test]
fn a_registry_that_cannot_be_reached_is_so_for_now() {
    run(async {
        let error = SqlStore::postgres("postgres://nobody@localhost/x?host=/nowhere").await;
        assert!(error.unwrap_err().is_passing());
    });
}

#[test]
fn a_checkpoint_whose_connection_breaks_changes_nothing() {
    run(async {
        let (store, database) = postgres_registry().await;
        let first = conformance::archive::everything(0, 5, 100);
        store.checkpoint(&first).await.unwrap();
        let mut other = sqlx::PgConnection::connect(database.url()).await.unwrap();
        // The events are written last: all else is written when the checkpoint waits for them.
        let mut lock = other.begin().await.unwrap();
        lock.execute("LOCK TABLE event IN ACCESS EXCLUSIVE MODE")
            .await
            .unwrap();
        let second = conformance::archive::everything(5, 9, 200);
        let broken = async {
            let mut gone = 0;
            while gone == 0 {
                let killed = lock.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                     WHERE datname = current_database() AND wait_event_type = 'Lock'",
                );
                gone = killed.await.unwrap().rows_affected();
            }
        };
        let (told, ()) = tokio::join!(store.checkpoint(&second), broken);
        let error = told.unwrap_err();
        assert!(error.is_passing(), "{error}");
        lock.rollback().await.unwrap();
        conformance::archive::holds(&store, &first).await;
        assert_eq!(store.checkpoint(&second).await.unwrap(), Wrote::Done);
    });
}
