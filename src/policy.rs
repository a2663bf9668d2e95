//! Policy: may this workload do this, for this user, at this target?
//!
//! [`Policy::decide`] is pure: it reads no clock, no store and no network, and answers the same question alike until the
//! policies are reloaded; what it said once it knows without asking again, where no policy reads the time, the address or
//! the age of a log-in. Nothing is allowed unless a policy permits it, and one `forbid` outweighs every `permit`.

mod agent;
mod answered;
mod country;
mod decide;
mod decision;
mod detail;
mod error;
mod explain;
mod file;
mod limit;
mod oddity;
mod parse;
mod platform;
mod question;
mod reads;
mod recorded;
mod replay;
mod report;
mod request;
mod set;
mod slice;
mod table;
mod target;
#[cfg(test)]
mod tests;
mod toml_error;
mod vocabulary;

use core::net::IpAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

pub use agent::Agent;
pub use country::{Country, CountryError};
pub use decision::{Decision, PolicySetHash};
pub use detail::DelegateDetail;
pub use error::{Place, PolicyError, TargetError};
pub use explain::{Considered, Explained, Explanation, FailedCondition, PolicyOutcome};
pub use platform::Platform;
pub use recorded::{
    RecordError, RecordedAction, RecordedApproval, RecordedDecision, RecordedParent, RecordedPlatform, RecordedRequest,
    RecordedTime, RecordedUser,
};
pub use report::{Report, Warning};
pub use request::{Action, Approval, Credential, Delegate, Hop, Parent, Posture, Request, User};
pub use table::{Difference, PolicyTest, parse_tests};
pub use target::{Target, Targets};

use country::CountryDatabase;
use procura_token::WorkloadId;
use set::{Set, Sources};
use vocabulary::Vocabulary;

/// The schema every policy is held against, in Cedar's schema language.
pub const SCHEMA: &str = include_str!("policy/schema.cedarschema");

/// Where the policies are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicySettings {
    /// The directory whose `*.cedar` files are the policies: at most 1,000 files of at most 1 MiB, symbolic links
    /// followed, hidden files and subdirectories left out.
    pub directory: PathBuf,
    /// The directory whose `*.toml` files describe agents and groups: at most 1,000 files of at most 8 MiB. Without it there
    /// are none.
    pub entities: Option<PathBuf>,
    /// The database in MaxMind's format, of at most 256 MiB, that says in which country an address is. Without it no country
    /// is known.
    pub country_database: Option<PathBuf>,
}

/// The policies of a service, and the targets they speak of.
pub struct Policy {
    settings: PolicySettings,
    targets: Targets,
    vocabulary: Vocabulary,
    set: RwLock<Arc<Set>>,
    reloading: Mutex<()>,
}

impl Policy {
    /// Loads the policies for `targets`. Reads files, so it blocks.
    ///
    /// Every policy is held against [`SCHEMA`] in Cedar's strict mode; warnings go to the log. A policy's id is its `@id`, else
    /// `<file>#<number>`. `@ttl("30m")` limits how long a token lives that the policy permits, `@depth("3")` how many
    /// actors it names; `@repeats("allowed")` lets it name an actor twice, `@approval("required")` asks that the user agreed.
    /// Other annotations are ignored. A directory without policies is one that denies everything.
    ///
    /// # Errors
    /// [`PolicyError`], saying which file is wrong, where, and what to do.
    pub fn load(settings: &PolicySettings, targets: Targets) -> Result<Self, PolicyError> {
        let vocabulary = Vocabulary::new(&targets)?;
        let set = read(settings, &vocabulary)?;
        Ok(Self { settings: settings.clone(), targets, vocabulary, set: RwLock::new(Arc::new(set)), reloading: Mutex::new(()) })
    }

    /// Loads policies, entities and database again and puts them in force at once; decisions under way end with the set they
    /// began with. Reads files, so it blocks. The targets stay as they are.
    ///
    /// # Errors
    /// As [`Policy::load`]; the previous set then stays in force.
    pub fn reload(&self) -> Result<(), PolicyError> {
        let _one_at_a_time = self.reloading.lock().unwrap_or_else(PoisonError::into_inner);
        let set = Arc::new(read(&self.settings, &self.vocabulary)?);
        *self.set.write().unwrap_or_else(PoisonError::into_inner) = set;
        Ok(())
    }

    /// The targets the policies speak of.
    pub const fn targets(&self) -> &Targets {
        &self.targets
    }

    /// The name of the policy set in force.
    pub fn hash(&self) -> PolicySetHash {
        self.current().hash.clone()
    }

    /// What the entity files say of a workload.
    pub fn agent(&self, id: &WorkloadId) -> Option<Arc<Agent>> {
        self.current().agents.find(id).map(|known| Arc::clone(&known.agent))
    }

    /// Where `address` is, if a database is configured that says so.
    pub fn country(&self, address: IpAddr) -> Option<Country> {
        self.current().countries.as_ref().and_then(|countries| countries.find(address))
    }

    /// Decides `request`, each of its scopes on its own.
    ///
    /// A scope is granted if the target knows it, a policy permits it, none forbids it, every policy that was consulted
    /// could be evaluated, no permit behind it has a `@depth` below the number of actors or a `@approval` that is not there,
    /// and, if the workload is in the chain already, one of them has `@repeats`. Asking for no scope grants nothing. A target
    /// that this policy was not loaded with is denied.
    ///
    /// Not decided here: what the subject token allows, and how long any token may live when no policy says so.
    pub fn decide(&self, request: &Request<'_>) -> Decision {
        let set = self.current();
        match &set.answered {
            Some(answered) => answered.recall(request, || self.decide_by(&set, request)),
            None => self.decide_by(&set, request),
        }
    }

    fn current(&self) -> Arc<Set> {
        Arc::clone(&self.set.read().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Stack for the deepest policy that a file of 1 MiB can hold. Only what is used of it becomes memory.
const STACK: usize = 512 << 20;

/// Does `work` on a stack that is large enough for whatever somebody wrote: Cedar reads and writes policies by recursion.
fn with_room<T: Send>(work: impl FnOnce() -> Result<T, PolicyError> + Send) -> Result<T, PolicyError> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(STACK).spawn_scoped(scope, work).map_err(PolicyError::engine)?;
        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

fn read(settings: &PolicySettings, vocabulary: &Vocabulary) -> Result<Set, PolicyError> {
    with_room(|| read_here(settings, vocabulary))
}

fn read_here(settings: &PolicySettings, vocabulary: &Vocabulary) -> Result<Set, PolicyError> {
    let sources = Sources::read(settings)?;
    let mut report = Report::default();
    let countries = settings.country_database.as_deref().map(CountryDatabase::read).transpose()?;
    let mut set = Set::new(vocabulary, &sources, &mut report)?;
    set.countries = countries;
    report.into_log()?;
    if set.is_empty() {
        tracing::warn!(directory = %settings.directory.display(), "there is no policy, so every request will be denied");
    }
    Ok(set)
}

/// All that is wrong with the policies, entities and database of `settings`, and what can hardly be meant. Reads files, so it blocks.
pub fn inspect(settings: &PolicySettings, targets: &Targets) -> Report {
    let mut report = Report::default();
    let inspected = with_room(|| {
        let sources = Sources::read(settings)?;
        Set::new(&Vocabulary::new(targets)?, &sources, &mut report).map(drop)
    });
    let countries = settings.country_database.as_deref().map(CountryDatabase::read).transpose();
    report.errors.extend(inspected.err().into_iter().chain(countries.err()));
    report
}
