//! A service whose lives are written down, and what it has promised at any moment of them.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use actarium_tests::ledger::Sent;
use actarium_tests::replay::Story;
use actarium_tests::{Client, Cut, Disk, Ledger, Random, Server, Start, load, program, walk};

/// Says what is wrong with what a power cut left.
pub type Holds = Arc<dyn Fn(&Path) -> Result<(), String> + Send + Sync>;
/// Something further that was promised: asked of a server that was started on the image, whose data folder is given too.
pub type Further = Arc<dyn Fn(&Client, &Path) -> Result<(), String> + Send + Sync>;

/// How a service is started.
#[derive(Clone, Debug)]
pub struct Way {
    /// Its data folder, in the folder that is watched.
    pub place: &'static str,
    /// Arguments; `{}` in them stands for the folder that is watched.
    pub arguments: Vec<&'static str>,
    /// How far the clock is ahead when images are looked at, in seconds: as far as in any life.
    pub ahead_seconds: u64,
}

impl Way {
    /// In `data`, with these arguments.
    pub fn with(arguments: &[&'static str]) -> Self {
        Self { place: "data", arguments: arguments.to_vec(), ahead_seconds: 0 }
    }

    fn apply<'d>(&self, start: Start<'d>, watched: &Path, ahead_seconds: u64) -> Start<'d> {
        let mut start = start.in_motion();
        let watched = watched.to_str().expect("a path in UTF-8");
        start.data = Path::new(watched).join(self.place);
        start.arguments.extend(self.arguments.iter().map(|argument| argument.replace("{}", watched)));
        if ahead_seconds > 0 {
            start.environment.push(("POWERCUT_CLOCK_AHEAD_SECONDS".to_owned(), ahead_seconds.to_string()));
        }
        start
    }
}

/// What was promised until some moment.
struct Account {
    ledger: Ledger,
    /// What was sent in all: a request that was under way may have been recorded.
    all: Arc<Ledger>,
    token: String,
    further: Vec<Further>,
    way: Way,
}

/// A service in some lives on one folder.
pub struct Service {
    pub story: Story<Holds>,
    pub ledger: Arc<Ledger>,
    pub way: Way,
    /// What was promised beside events and the operator's token.
    pub further: Vec<Further>,
    /// How far the clock is ahead in the next life, in seconds.
    pub ahead_seconds: u64,
    organizations: Vec<String>,
    random: Random,
    server: Option<Server>,
    token: String,
}

impl Service {
    /// Not started yet.
    pub fn new(organizations: &[&str], way: Way) -> Self {
        let mut story: Story<Holds> = Story::default();
        // Whatever happens, a start must work.
        let again = way.clone();
        story.promised(Arc::new(move |image| started(image, &again).map(Server::kill)));
        Self {
            story,
            ledger: Arc::default(),
            way,
            further: Vec::new(),
            ahead_seconds: 0,
            organizations: organizations.iter().map(|&slug| slug.to_owned()).collect(),
            // The same events each time, so that each run is as telling as the others.
            random: Random::new(7),
            server: None,
            token: String::new(),
        }
    }

    /// Makes a durable folder, as an operator does who has chosen the place of something.
    pub fn folder(&mut self, name: &str) {
        let mut command = Command::new(program::probe());
        command.current_dir(self.story.disk.living()).stdin(Stdio::piped());
        self.story.disk.watch(&mut command, &Cut::traced());
        let mut probe = command.spawn().expect("the probe runs");
        let mut input = probe.stdin.take().expect("its stdin");
        writeln!(input, "mkdir {name}\nfsync .").expect("it reads");
        drop(input);
        let _ = probe.wait().expect("it ends");
        self.story.life_ended();
        self.story.begins_here();
    }

    /// The next life: starts, and promises the operator's token; false when it ended before it listened.
    pub fn start(&mut self, cut: Cut, environment: &[(&str, &str)]) -> bool {
        let start = Start::on_disk(&self.story.disk, Cut { trace: true, ..cut });
        let mut start =
            self.way.apply(start, &self.story.disk.living(), self.ahead_seconds).with(&["--seal-automatic=false"]);
        start.environment.extend(environment.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())));
        let Ok(server) = start.try_now() else {
            self.story.life_ended();
            return false;
        };
        self.token.clone_from(&server.token);
        self.server = Some(server);
        self.told(|_| ());
        true
    }

    pub fn client(&self) -> Client {
        self.server.as_ref().expect("it runs").client()
    }

    /// What is promised now.
    fn promise(&self) -> Holds {
        let account = Account {
            ledger: self.ledger.copy(),
            all: self.ledger.clone(),
            token: self.token.clone(),
            further: self.further.clone(),
            way: self.way.clone(),
        };
        Arc::new(move |image| holds(image, &account))
    }

    /// Does something, after which its answers may be relied on.
    pub fn told<T>(&mut self, work: impl FnOnce(&Client) -> T) -> T {
        let client = self.client();
        let done = self.story.while_told(|| work(&client));
        let promise = self.promise();
        self.story.promised(promise);
        done
    }

    /// The same for something further that is promised then.
    pub fn told_further<T>(&mut self, work: impl FnOnce(&Client) -> T, further: impl FnOnce(&T) -> Further) -> T {
        let client = self.client();
        let done = self.story.while_told(|| work(&client));
        self.further.push(further(&done));
        let promise = self.promise();
        self.story.promised(promise);
        done
    }

    /// Makes its organizations.
    pub fn found(&mut self) {
        for slug in self.organizations.clone() {
            let ledger = self.ledger.clone();
            self.told(|client| {
                client.organization(&slug);
                ledger.made(&slug);
            });
        }
    }

    /// Records some requests, one after the other.
    pub fn record(&mut self, requests: usize) {
        for _ in 0..requests {
            let number = self.ledger.begin(load::request(&mut self.random, &self.organizations));
            self.send(number);
        }
    }

    /// Records one request of so many events.
    pub fn record_many(&mut self, events: usize) {
        let organization = self.organizations[0].clone();
        let events = (0..events).map(|_| load::event(&mut self.random, true)).collect();
        let number = self.ledger.begin(Sent { organization, key: None, events, answer: None });
        self.send(number);
    }

    /// Sends a request, which may have been sent before.
    pub fn send(&mut self, number: usize) {
        let ledger = self.ledger.clone();
        self.told(|client| assert!(matches!(load::send(client, &ledger, number), Some(200 | 201)), "is recorded"));
    }

    /// Sends a new request, of one event, to a service that ends before it answers; its number.
    pub fn send_in_vain(&mut self) -> usize {
        let organization = self.organizations[0].clone();
        let events = vec![load::event(&mut self.random, true)];
        let number = self.ledger.begin(Sent { organization, key: None, events, answer: None });
        assert_eq!(load::send(&self.client(), &self.ledger, number), None, "no answer");
        number
    }

    pub fn seal(&mut self) {
        self.told(|client| walk::seal(client).unwrap_or_else(|wrong| panic!("{wrong}")));
    }

    /// Waits until it has moved its write-ahead log into the database and emptied it, as it does when nothing happens.
    pub fn log_is_moved(&mut self) {
        let log = format!("truncate {}/actarium.db-wal", self.way.place);
        let emptied = |disk: &Disk| disk.log().iter().filter(|line| **line == log).count();
        let before = emptied(&self.story.disk);
        for _ in 0..1_200 {
            if emptied(&self.story.disk) > before {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("the write-ahead log is not moved while nothing happens");
    }

    /// Has the shim end the process at a point.
    pub fn ends_at(&self, point: &str) {
        assert!(self.story.disk.command(&format!("at {point}")), "the server runs");
    }

    /// The process was ended by the shim.
    pub fn ended(&mut self) {
        let mut server = self.server.take().expect("it ran");
        assert!(server.ended_within(Duration::from_secs(30)), "the shim ends it");
        self.story.life_ended();
    }

    pub fn kill(&mut self) {
        self.server.take().expect("it runs").kill();
        self.story.life_ended();
    }

    pub fn stop(&mut self) {
        self.server.take().expect("it runs").stop();
        self.has_ended();
    }

    /// The process has come to its end, after which all that it said may be relied on.
    pub fn has_ended(&mut self) {
        let promise = self.promise();
        self.story.ended_with(promise);
    }
}

/// Whether a service that is started on an image has what was promised.
fn holds(image: &Path, account: &Account) -> Result<(), String> {
    let server = started(image, &account.way)?;
    let client = Client::new(&server.url, &account.token);
    let outcome = match client.get("/v1/orgs").status {
        200 => walk::check(&client, &account.ledger.before(&account.all), &account.ledger.organizations()),
        status => Err(format!("the operator's token is no longer accepted: {status}")),
    };
    let data = image.join(account.way.place);
    let outcome = outcome.and_then(|()| account.further.iter().try_for_each(|further| further(&client, &data)));
    server.kill();
    outcome.and_then(|()| is_whole(&data))
}

/// Starts a service on an image.
pub fn started(image: &Path, way: &Way) -> Result<Server, String> {
    let mut start = way.apply(Start::on(image), image, way.ahead_seconds);
    // For the clock, and so that it need not wait for a disk: nothing of it is to last.
    let shim = program::shim().to_str().expect("a path in UTF-8").to_owned();
    start.environment.push(("LD_PRELOAD".to_owned(), shim));
    start.environment.push(("POWERCUT_NO_SYNCS".to_owned(), "1".to_owned()));
    start.try_now().map_err(|ended| format!("does not start: {}", ended.stderr.lines().last().unwrap_or_default()))
}

/// Whether SQLite finds its database in order.
fn is_whole(data: &Path) -> Result<(), String> {
    let check = |connection: rusqlite::Connection| {
        connection.query_row("PRAGMA integrity_check", [], |row| row.get::<_, String>(0))
    };
    match rusqlite::Connection::open(data.join("actarium.db")).and_then(check) {
        Ok(said) if said == "ok" => Ok(()),
        Ok(said) => Err(format!("the database: {said}")),
        Err(error) => Err(format!("the database: {error}")),
    }
}
