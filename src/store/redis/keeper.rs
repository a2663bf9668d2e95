//! Keeps a link to Redis and knows its epoch.

use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use core::time::Duration;
use std::sync::Arc;

use procura_token::UnixTime;
use tokio::sync::{Notify, watch};
use tokio::time::{sleep, timeout};

use super::epoch::{Known, Serving, Tried};
use super::key::Keys;
use super::link::{Link, Place};
use crate::store::health::{Condition, Health};
use crate::store::{Epoch, StoreError};

/// How often a link that works is looked at.
const LOOK: Duration = Duration::from_secs(1);
/// How often a lost one is tried again.
const RETRY: Duration = Duration::from_millis(250);
/// Between two looks, however many claims ask for one.
const REST: Duration = Duration::from_millis(20);
/// After how many failures the nodes of a cluster are looked for anew.
const PATIENCE: u32 = 4;
/// After how many looks with room Redis is no longer called full.
const STEADY: u32 = 5;

/// What finding an epoch may take beyond the answers of Redis: it waits for other copies now and then.
const AGREEMENT: Duration = Duration::from_secs(4);

/// Says what time it is.
pub(super) type Now = Arc<dyn Fn() -> UnixTime + Send + Sync>;

/// What claims see of the link.
#[derive(Clone)]
pub(super) enum State {
    Serving(Arc<Serving>),
    /// It was lost a moment ago, or its epoch is over: what comes next is being found out.
    Renewing,
    /// Why.
    Lost(Arc<str>),
}

/// One for each copy of the service; a task of its own takes the turns.
pub(super) struct Keeper {
    pub(super) keys: Keys,
    pub(super) deadline: Duration,
    pub(super) health: Health,
    place: Place,
    now: Now,
    state: watch::Sender<State>,
    epoch: watch::Sender<Epoch>,
    /// When something was granted last, in milliseconds.
    granted: AtomicU64,
    wake: Arc<Notify>,
    /// Looks in a row that failed.
    failures: AtomicU32,
    /// Looks in a row that found room, since a claim found none.
    room: AtomicU32,
}

impl Keeper {
    /// Connects for the first time.
    pub(super) async fn connect(
        place: Place,
        keys: Keys,
        deadline: Duration,
        began: UnixTime,
        now: Now,
    ) -> Result<Self, StoreError> {
        let wake = Arc::new(Notify::new());
        let link = place.connect(deadline, &wake).await?;
        let known = Known { epoch: None, granted: began, now: now() };
        let serving = bounded(deadline * 4 + AGREEMENT, Serving::establish(&link, &keys, known)).await?;
        Ok(Self {
            keys,
            deadline,
            health: Health::new(),
            place,
            now,
            granted: AtomicU64::new(began.as_millis()),
            epoch: watch::Sender::new(serving.epoch),
            state: watch::Sender::new(State::Serving(Arc::new(serving))),
            wake,
            failures: AtomicU32::new(0),
            room: AtomicU32::new(0),
        })
    }

    /// The last epoch known.
    pub(super) fn epoch(&self) -> Epoch {
        *self.epoch.borrow()
    }

    /// The link, once it is known whether there is one.
    pub(super) async fn serving(&self) -> Result<Arc<Serving>, StoreError> {
        let now = match &*self.state.borrow() {
            State::Serving(serving) => Some(Ok(Arc::clone(serving))),
            State::Lost(cause) => Some(Err(lost(cause))),
            State::Renewing => None,
        };
        match now {
            Some(known) => known,
            None => self.settled(|_| true).await,
        }
    }

    /// Waits until the epoch `over` is followed by another.
    pub(super) async fn renewed(&self, over: Epoch) -> Result<Arc<Serving>, StoreError> {
        self.wake.notify_one();
        self.settled(|serving| serving.epoch.id != over.id).await
    }

    async fn settled(&self, good: impl Fn(&Serving) -> bool) -> Result<Arc<Serving>, StoreError> {
        let mut states = self.state.subscribe();
        let settled = states.wait_for(|state| match state {
            State::Serving(serving) => good(serving),
            State::Renewing => false,
            State::Lost(_) => true,
        });
        let state = settled.await.map(|state| state.clone());
        match state {
            Ok(State::Serving(serving)) => Ok(serving),
            Ok(State::Lost(cause)) => Err(lost(&cause)),
            // The sender is ours and lives.
            Ok(State::Renewing) | Err(_) => Err(StoreError::Answer),
        }
    }

    /// Asks for a look at the link, since something went wrong on it.
    pub(super) fn doubt(&self) {
        self.wake.notify_one();
    }

    /// Notes that something was granted.
    pub(super) fn note_grant(&self, now: UnixTime) {
        let now = now.as_millis();
        if self.granted.load(Ordering::Relaxed) < now {
            self.granted.fetch_max(now, Ordering::Relaxed);
        }
    }

    /// Notes that Redis has no memory left.
    pub(super) fn note_full(&self, cause: &StoreError) {
        self.room.store(0, Ordering::Relaxed);
        self.health.note(Condition::Full, cause);
    }

    /// Takes turns for ever.
    pub(super) async fn keep(self: Arc<Self>) {
        loop {
            sleep(REST).await;
            // Whether woken or not.
            let _ = timeout(LOOK, self.wake.notified()).await;
            while !self.turn().await {
                sleep(RETRY).await;
            }
        }
    }

    /// Makes sure of the link and its epoch, or of new ones. Says whether all is well.
    async fn turn(&self) -> bool {
        let serving = match &*self.state.borrow() {
            State::Serving(serving) => Some(Arc::clone(serving)),
            State::Renewing | State::Lost(_) => None,
        };
        let Some(serving) = serving else { return self.renew(None).await };
        match bounded(self.deadline, serving.look(&self.keys)).await {
            Ok(Tried::Granted) => self.well(),
            Ok(Tried::Full(cause)) => {
                self.note_full(&cause);
                true
            }
            Ok(Tried::Over) => {
                self.state.send_replace(State::Renewing);
                self.renew(Some(&serving.link)).await
            }
            // A cluster's link mends itself, and other nodes may serve meanwhile.
            Err(cause) if matches!(serving.link, Link::Cluster(_)) => {
                self.health.note(Condition::Lost, &cause);
                self.failures.fetch_add(1, Ordering::Relaxed) % PATIENCE == PATIENCE - 1 && self.replace().await
            }
            Err(_) => {
                self.state.send_replace(State::Renewing);
                self.renew(None).await
            }
        }
    }

    fn well(&self) -> bool {
        self.failures.store(0, Ordering::Relaxed);
        // At the limit some claims find room and some do not: that is one change, not many.
        if self.health.condition() != Condition::Full || self.room.fetch_add(1, Ordering::Relaxed) >= STEADY {
            self.health.serves();
        }
        true
    }

    /// Finds the epoch on a link, or on a new one.
    async fn renew(&self, link: Option<&Link>) -> bool {
        match self.find(link).await {
            Ok(serving) => self.serve(serving),
            Err(cause) => {
                self.health.note(Condition::Lost, &cause);
                self.state.send_replace(State::Lost(cause.to_string().into()));
                false
            }
        }
    }

    /// Tries a new link while the old one is kept.
    async fn replace(&self) -> bool {
        let found = self.find(None).await;
        found.is_ok_and(|serving| self.serve(serving))
    }

    async fn find(&self, link: Option<&Link>) -> Result<Serving, StoreError> {
        let link = match link {
            Some(link) => link.clone(),
            None => self.place.connect(self.deadline, &self.wake).await?,
        };
        let granted = UnixTime::new(Duration::from_millis(self.granted.load(Ordering::Relaxed)));
        let known = Known { epoch: Some(self.epoch().id), granted, now: (self.now)() };
        bounded(self.deadline * 4 + AGREEMENT, Serving::establish(&link, &self.keys, known)).await
    }

    fn serve(&self, serving: Serving) -> bool {
        if self.epoch.send_replace(serving.epoch).id != serving.epoch.id {
            Health::epoch(serving.epoch);
        }
        self.state.send_replace(State::Serving(Arc::new(serving)));
        self.well()
    }
}

async fn bounded<T>(deadline: Duration, answer: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
    timeout(deadline, answer).await.unwrap_or(Err(StoreError::Deadline { deadline }))
}

fn lost(cause: &str) -> StoreError {
    StoreError::Failed(cause.into())
}
