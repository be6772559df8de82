//! Opens the stores, starts the parts, and stops them in order.

use std::fs;
use std::io::Write as _;
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use solthrive_cloud_store::archive::{Archive, Views};
use solthrive_cloud_store::hot::HotLog;
use solthrive_cloud_store::meta::Registry;
use solthrive_cloud_store::postgres::PostgresHotLog;
use solthrive_cloud_store::sql::SqlStore;
use solthrive_cloud_store::sqlite::{Folder, SqliteHotLog};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::admin::refuse_unfinished;
use crate::api::{Api, Cost, Eraser, Exporter, Passwords, Policy, Ports, Providers, Watcher};
use crate::channel::Channels;
use crate::clock::{Clock, new_id};
use crate::config::{Place, Role, Serve, StoreUrl};
use crate::devices::Devices;
use crate::http::{AppState, Bounds, Listener, Readiness, Shared};
use crate::ingest::Committer;
use crate::mail::Mail;
use crate::metrics::Metrics;
use crate::recent::{Follower, Recent};
use crate::rotation::{Rotations, rotations};
use crate::secrets::Pepper;
use crate::tls;
use crate::worker::places::InRegistry;
use crate::worker::{self, Worker, jobs};

/// Time for open requests to end once the service stops.
const GRACE: Duration = Duration::from_secs(10);

/// The stores, open.
pub struct Stores {
    /// Who there is.
    pub registry: Arc<dyn Registry>,
    /// What became of the log.
    pub archive: Arc<dyn Archive>,
    /// The same for people.
    pub views: Arc<dyn Views>,
    /// The log.
    pub log: Arc<dyn HotLog>,
    /// The database, to be closed at the end.
    pub sql: SqlStore,
    /// The embedded store belongs to this process until this is dropped.
    pub folder: Option<Folder>,
}

impl Stores {
    /// Opens what the place names, or begins it.
    ///
    /// # Errors
    /// The store's, with what to do.
    pub async fn open(place: &Place) -> Result<Self> {
        match &place.store {
            StoreUrl::Sqlite => {
                refuse_unfinished(&place.data)?;
                let folder = Folder::take(&place.data)?;
                let database = Place::database(&place.data);
                let sql = SqlStore::sqlite(&database)
                    .await
                    .with_context(|| format!("{} could not be opened", database.display()))?;
                let log = Place::hot_log(&place.data);
                let log = SqliteHotLog::open(&log)
                    .with_context(|| format!("{} could not be opened", log.display()))?;
                Ok(Self::new(sql, Arc::new(log), Some(folder)))
            }
            StoreUrl::Postgres(url) => {
                let sql = SqlStore::postgres(url)
                    .await
                    .context("PostgreSQL could not be reached")?;
                if sql.second_wall().await? == Some(false) {
                    tracing::warn!(
                        "PostgreSQL lets this user see every row whatever its policies say: the second wall around homes does not hold; connect as a user that is no superuser and has no BYPASSRLS"
                    );
                }
                let log = PostgresHotLog::open(url)
                    .await
                    .context("PostgreSQL could not be reached")?;
                Ok(Self::new(sql, Arc::new(log), None))
            }
        }
    }

    fn new(sql: SqlStore, log: Arc<dyn HotLog>, folder: Option<Folder>) -> Self {
        let shared = Arc::new(sql.clone());
        Self {
            registry: shared.clone(),
            archive: shared.clone(),
            views: shared,
            log,
            sql,
            folder,
        }
    }
}

/// A service that runs.
pub struct Running {
    /// Where it listens.
    pub address: SocketAddr,
    /// Who there is.
    pub registry: Arc<dyn Registry>,
    /// Where the first admin is made, while there is nobody.
    pub setup: Option<String>,
    readiness: Arc<Readiness>,
    http: Part,
    ingest: Option<Part>,
    background: Part,
    channels: Option<Arc<Channels>>,
    sql: SqlStore,
    folder: Option<Folder>,
    watch: Watch,
}

/// Tasks that end when they are told to.
struct Part {
    stop: CancellationToken,
    tasks: Vec<JoinHandle<()>>,
}

/// What parts of a service know of the whole.
#[derive(Debug, Clone, Default)]
struct Watch {
    /// A part ended by itself.
    broken: CancellationToken,
    /// The service is told to end.
    ending: CancellationToken,
}

impl Part {
    fn new() -> Self {
        Self {
            stop: CancellationToken::new(),
            tasks: Vec::new(),
        }
    }

    /// Runs the task until the part is told to stop. One that ends before that is broken, and with it the
    /// service: whoever supervises it shall start it anew rather than find it half alive.
    fn keep(
        &mut self,
        what: &'static str,
        watch: &Watch,
        task: impl Future<Output = ()> + Send + 'static,
    ) {
        let (stop, watch, task) = (self.stop.clone(), watch.clone(), tokio::spawn(task));
        self.tasks.push(tokio::spawn(async move {
            let ended = task.await;
            // Once the service ends, a part may end because those that it works for did.
            if !stop.is_cancelled() && !watch.ending.is_cancelled() {
                tracing::error!(what, ?ended, "a part of the service ended by itself");
                watch.broken.cancel();
            }
        }));
    }

    async fn end(self) {
        self.stop.cancel();
        for task in self.tasks {
            // What a task has to say it has said itself.
            let _ = task.await;
        }
    }
}

impl Running {
    /// Starts everything that `settings` ask for.
    ///
    /// # Errors
    /// What kept it from starting, with what to do.
    pub async fn start(settings: &Serve, clock: Clock) -> Result<Self> {
        settings.check()?;
        make_folder(&settings.place)?;
        let pepper = pepper(&settings.place)?;
        let stores = Stores::open(&settings.place).await?;
        let metrics = Arc::new(Metrics::default());
        let devices = known(&stores, clock).await?;
        let watch = Watch::default();
        let (committer, ingest) = ingest(settings, &stores, clock, &metrics, &watch).await?;
        let mut background = Part::new();
        let rotations = follow(&devices, &stores.registry, clock, (&mut background, &watch));
        worker(
            settings,
            &stores,
            clock,
            &metrics,
            (&mut background, &watch),
        );
        let api = api(settings, &stores, clock, (&mut background, &watch))?;
        let setup = match &api {
            Some(api) => api.begin_setup().await?,
            None => None,
        };
        let asked = api.as_ref().map(|api| Arc::clone(&api.commands_wait));
        let of = (&devices, clock, &*metrics, asked.unwrap_or_default());
        let channels = channels(settings, &stores, of, (&mut background, &watch));
        let app = AppState::from(
            Shared::new(
                devices,
                Arc::clone(&stores.registry),
                committer,
                pepper,
                rotations,
                clock,
                metrics,
                Bounds::new(&settings.limits, &settings.pace),
                settings.plain_http,
            )
            .with_api(api)
            .with_channels(channels.clone()),
        );
        let readiness = Arc::clone(&app.readiness);
        let (address, http) = listen(settings, app, &watch)?;
        Ok(Self {
            address,
            registry: stores.registry,
            setup,
            readiness,
            http,
            ingest,
            background,
            channels,
            sql: stores.sql,
            folder: stores.folder,
            watch,
        })
    }

    /// Returns when a part of the service ended by itself, which is never supposed to be.
    pub async fn broke(&self) {
        self.watch.broken.cancelled().await;
    }

    /// Stops in order: no new calls, then what was taken in is stored, then the rest.
    pub async fn stop(self) {
        self.readiness.stop();
        self.watch.ending.cancel();
        self.http.end().await;
        if let Some(channels) = self.channels {
            channels.end().await;
        }
        if let Some(ingest) = self.ingest {
            ingest.end().await;
        }
        self.background.end().await;
        // What is stored is stored; a database that does not answer is not waited for.
        let _ = tokio::time::timeout(GRACE, self.sql.close()).await;
        drop(self.folder);
    }
}

fn make_folder(place: &Place) -> Result<()> {
    let folder = &place.data;
    fs::create_dir_all(folder)
        .with_context(|| format!("the folder {} could not be made", folder.display()))
}

/// The devices that there are.
async fn known(stores: &Stores, clock: Clock) -> Result<Arc<Devices>> {
    let devices = Devices::default();
    let heard = devices.refresh(stores.registry.as_ref(), clock.elapsed());
    heard.await?;
    Ok(Arc::new(devices))
}

/// Hears of what changes about devices, and carries out what calls leave word of.
fn follow(
    devices: &Arc<Devices>,
    registry: &Arc<dyn Registry>,
    clock: Clock,
    (part, watch): (&mut Part, &Watch),
) -> Rotations {
    let (who, changes, stop) = (Arc::clone(devices), Arc::clone(registry), part.stop.clone());
    part.keep("credentials", watch, async move {
        who.keep_fresh(changes.as_ref(), clock, stop).await;
    });
    let (rotations, carrier) = rotations();
    let (who, stop) = (Arc::clone(devices), part.stop.clone());
    let carrier = carrier.run(Arc::clone(registry), who, clock, stop);
    part.keep("rotations", watch, carrier);
    rotations
}

/// The lines to devices, in a process that takes in what they deliver.
fn channels(
    settings: &Serve,
    stores: &Stores,
    (devices, clock, metrics, asked): (&Arc<Devices>, Clock, &Metrics, Arc<Notify>),
    (part, watch): (&mut Part, &Watch),
) -> Option<Arc<Channels>> {
    if !settings.has(Role::Ingest) {
        return None;
    }
    let channels = Arc::new(Channels::new(
        &Arc::new(stores.sql.clone()),
        Arc::clone(devices),
        clock,
        metrics,
        asked,
        watch.ending.clone(),
    ));
    let running = Arc::clone(&channels).run(part.stop.clone());
    part.keep("commands", watch, running);
    Some(channels)
}

/// The API for people, if this process has that role, and what it follows.
fn api(
    settings: &Serve,
    stores: &Stores,
    clock: Clock,
    (part, watch): (&mut Part, &Watch),
) -> Result<Option<Arc<Api>>> {
    if !settings.has(Role::Api) {
        return Ok(None);
    }
    let recent = Arc::new(Recent::new(clock));
    let (log, archive) = (Arc::clone(&stores.log), Arc::clone(&stores.archive));
    let follower = Follower::new(Arc::clone(&recent), log, archive);
    part.keep("recent rows", watch, follower.run(part.stop.clone()));
    let mail = Mail::new(&settings.mail, &settings.mail_from, &settings.public_url)
        .context("letters cannot be sent as --mail and --mail-from say")?;
    let ports = Ports::of(Arc::new(stores.sql.clone()), recent, mail);
    let policy = Policy {
        second_factor_for_staff: !settings.no_second_factor,
        calls_per_min: settings.limits.api_calls_per_min,
        erasure_grace: Duration::from_hours(24 * u64::from(settings.pace.erasure_days)),
        ..Policy::default()
    };
    let passwords = Passwords::new(Cost::Usual)?;
    let key = fs::read(settings.place.pepper())?;
    let key = key
        .as_slice()
        .try_into()
        .context("the pepper is not of its size")?;
    let providers = match &settings.oidc {
        Some(path) => {
            Providers::read(path).context("identity providers cannot be used as --oidc says")?
        }
        None => Providers::none(),
    };
    let ending = watch.ending.clone();
    let api = Api::new(ports, clock, policy, passwords, providers, key, ending)?;
    let api = Arc::new(api);
    let exporter = Exporter::new(Arc::clone(&api));
    part.keep("exports", watch, exporter.run(part.stop.clone()));
    let watcher = Watcher::new(Arc::clone(&api));
    part.keep("live watch", watch, watcher.run(part.stop.clone()));
    let eraser = Eraser::new(Arc::clone(&api), Arc::clone(&stores.log));
    part.keep("erasures", watch, eraser.run(part.stop.clone()));
    Ok(Some(api))
}

async fn ingest(
    settings: &Serve,
    stores: &Stores,
    clock: Clock,
    metrics: &Arc<Metrics>,
    watch: &Watch,
) -> Result<(Option<Committer>, Option<Part>)> {
    if !settings.has(Role::Ingest) {
        return Ok((None, None));
    }
    stores.log.prepare(clock.now()).await?;
    let mut part = Part::new();
    let waiting = usize::try_from(settings.limits.waiting_rows)?;
    let (committer, task) = Committer::start(
        Arc::clone(&stores.log),
        Arc::clone(&stores.archive),
        clock,
        Arc::clone(metrics),
        waiting,
        part.stop.clone(),
    )
    .await
    .context("the log could not be read")?;
    part.keep("committer", watch, async move {
        if let Err(error) = task.await {
            tracing::error!(%error, "the committer broke");
        }
    });
    Ok((Some(committer), Some(part)))
}

/// Follows the log, and does the jobs, until it is told to stop.
fn worker(
    settings: &Serve,
    stores: &Stores,
    clock: Clock,
    metrics: &Metrics,
    (part, watch): (&mut Part, &Watch),
) {
    if !settings.has(Role::Worker) {
        return;
    }
    let pace = &settings.pace;
    let how = worker::Settings {
        checkpoint_every: Duration::from_secs(pace.checkpoint_s.into()),
        seal_every: Duration::from_secs(u64::from(pace.seal_min) * 60),
        ..worker::Settings::default()
    };
    let from = worker::Stores {
        log: Arc::clone(&stores.log),
        archive: Arc::clone(&stores.archive),
        assignments: Arc::new(InRegistry(Arc::clone(&stores.registry))),
        purge: Arc::new(stores.sql.clone()),
    };
    let now: worker::Now = Arc::new(move || clock.now());
    let holder = new_id();
    let worker = Worker::new(from, how, Arc::clone(&now), holder);
    let progress = worker.progress();
    let context = jobs::Context {
        archive: Arc::clone(&stores.archive),
        log: Arc::clone(&stores.log),
        now: Arc::clone(&now),
        progress: Arc::clone(&progress),
    };
    let jobs = jobs::Scheduler::new(context, holder, jobs::usual(pace.raw_days));
    metrics.register(|registry| worker::expose(registry, progress, now));
    let stop = part.stop.clone();
    part.keep("worker", watch, worker.run(stop.clone()));
    part.keep("jobs", watch, jobs.run(stop));
}

fn listen(settings: &Serve, app: AppState, watch: &Watch) -> Result<(SocketAddr, Part)> {
    let tls = match (&settings.tls_cert, &settings.tls_key) {
        _ if settings.plain_http => None,
        (Some(certificate), Some(key)) => Some(tls::load(certificate, key)?),
        _ => {
            tracing::warn!(
                "the certificate is self-signed, for development; name a real one with --tls-cert and --tls-key"
            );
            Some(tls::development(&settings.place.data)?)
        }
    };
    let socket = Listener::bind(settings.listen).with_context(|| {
        format!(
            "{} cannot be listened on; choose another with --listen",
            settings.listen
        )
    })?;
    let address = socket.local_addr()?;
    let listener = Listener {
        socket,
        tls,
        connections: usize::try_from(settings.limits.connections)?,
        connections_per_ip: settings.limits.connections_per_ip,
        grace: GRACE,
    };
    let mut part = Part::new();
    let (roles, stop) = (settings.roles.clone(), part.stop.clone());
    part.keep("http", watch, async move {
        crate::http::serve(listener, app, &roles, stop).await;
    });
    Ok((address, part))
}

/// The key of codes' hashes: read from its file, or drawn once.
///
/// # Errors
/// When the file cannot be read or written, or is not as long as it should be.
pub fn pepper(place: &Place) -> Result<Pepper> {
    let path = place.pepper();
    if !path.exists() {
        fs::create_dir_all(&place.data)?;
        let mut file = fs::File::options()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)?;
        file.write_all(&Pepper::draw()?)?;
        file.sync_all()?;
    }
    let bytes = fs::read(&path).with_context(|| format!("{} could not be read", path.display()))?;
    let bytes = <&[u8; Pepper::LEN]>::try_from(bytes.as_slice()).with_context(|| {
        format!(
            "{} should have {} bytes; without the right one, codes that were given out do not work",
            path.display(),
            Pepper::LEN
        )
    })?;
    Ok(Pepper::new(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_part_that_ends_by_itself_breaks_the_service_and_one_that_is_stopped_does_not() {
        let watch = Watch::default();
        let mut sound = Part::new();
        let stop = sound.stop.clone();
        sound.keep("sound", &watch, async move { stop.cancelled().await });
        sound.end().await;
        assert!(!watch.broken.is_cancelled());
        let mut unsound = Part::new();
        unsound.keep("unsound", &watch, async { panic!("a defect") });
        watch.broken.cancelled().await;
    }

    #[tokio::test]
    async fn a_part_that_ends_before_it_is_told_to_breaks_nothing_once_the_service_ends() {
        let watch = Watch::default();
        watch.ending.cancel();
        let mut part = Part::new();
        part.keep("early", &watch, async {});
        part.end().await;
        assert!(!watch.broken.is_cancelled());
    }
}
