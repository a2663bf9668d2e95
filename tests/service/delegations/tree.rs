//! What came of a delegation ends with it. F11, F12.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use serde_json::{Value, json};

use super::copies::copies;
use crate::redis::RedisServer;
use crate::support::{Agent, Answer, Form, Operator, Service, World, claims};

/// A planner who acts for alice, and handed on to a researcher; two copies, each with its operator.
struct Tree {
    world: World,
    redis: RedisServer,
    copies: [(Service, Operator); 2],
    planner: Agent,
    researcher: Agent,
    /// What the planner asks with alice's token.
    form: Form,
    root: String,
    second: String,
}

impl Tree {
    async fn grown() -> Self {
        let (world, redis, copies) = copies();
        let [planner, researcher] = ["/agent/planner", "/agent/researcher"].map(|path| Agent::new(&world, path));
        let form = planner.delegation(&world.user_token(json!({})));
        let root = copies[0].0.exchange(&planner, &form).await.token();
        let wit = copies[0].0.exchange(&researcher, &researcher.wit(&researcher.svid)).await.token();
        let second = copies[1].0.exchange(&planner, &planner.push(&root, &wit)).await.token();
        Self { world, redis, copies, planner, researcher, form, root, second }
    }

    fn id(&self) -> String {
        claims(&self.root)["delegation"]["id"].as_str().unwrap().to_owned()
    }

    /// Everything that the agents of this tree can still ask for.
    async fn wishes(&self) -> Vec<(&Agent, Form)> {
        let archivist = Agent::new(&self.world, "/agent/archivist");
        let wit = self.copies[0].0.exchange(&archivist, &archivist.wit(&archivist.svid)).await.token();
        vec![
            (&self.planner, self.form.clone()),
            (&self.planner, self.planner.onward(&self.root)),
            (&self.researcher, self.researcher.onward(&self.second)),
            (&self.researcher, self.researcher.push(&self.second, &wit)),
        ]
    }

    async fn ask(&self, wishes: &[(&Agent, Form)]) -> Vec<Answer> {
        let mut answers = Vec::new();
        for (copy, _) in &self.copies {
            for (agent, form) in wishes {
                answers.push(copy.exchange(agent, form).await);
            }
        }
        answers
    }

    fn reasons(&self) -> Vec<Value> {
        let other = std::fs::read_to_string(self.world.path("audit/other.jsonl")).unwrap();
        let other = other.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        self.world.audit().into_iter().chain(other).map(|event| event["error.reason"].clone()).collect()
    }
}

#[tokio::test]
async fn a_revocation_ends_every_branch_at_every_copy() {
    let tree = Tree::grown().await;
    let wishes = tree.wishes().await;
    assert!(tree.ask(&wishes).await.iter().all(|answer| answer.status == 200));
    assert_eq!(tree.copies[0].1.post(&format!("/delegations/{}/revoke", tree.id())).await.status, 200);
    for refused in tree.ask(&wishes).await {
        assert_eq!(refused.refusal(), (400, "invalid_request".to_owned()));
    }
    let revoked = tree.reasons().iter().filter(|reason| **reason == "the delegation was revoked").count();
    assert_eq!(revoked, wishes.len() * 2);
}

#[tokio::test]
async fn a_store_that_forgot_ends_every_branch_until_the_delegation_begins_once_more() {
    let tree = Tree::grown().await;
    let wishes = tree.wishes().await;
    tree.redis.ask::<()>(&["FLUSHALL"]);
    for refused in tree.ask(&wishes[1..]).await {
        assert_eq!(refused.refusal(), (400, "invalid_request".to_owned()));
    }
    assert!(tree.reasons().iter().any(|reason| *reason == "the delegation is not on record"));
    // With alice's token it is the same one.
    let again = tree.copies[1].0.exchange(&tree.planner, &tree.form).await.token();
    assert_eq!(claims(&again)["delegation"]["id"], *tree.id());
    assert!(tree.ask(&wishes).await.iter().all(|answer| answer.status == 200));
}

/// Agents of a whole tree exchange without pause at both copies while an operator ends it. What began after the operator
/// was answered is refused, every time.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_exchange_that_begins_after_a_revocation_is_granted() {
    for _ in 0..3 {
        let tree = Arc::new(Tree::grown().await);
        let nonce = tree.copies[0].0.nonce(&tree.planner, &tree.form).await;
        let (is_revoked, granted) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let workers: Vec<_> = (0..8)
            .map(|worker| {
                let (tree, nonce) = (Arc::clone(&tree), nonce.clone());
                let (is_revoked, granted) = (Arc::clone(&is_revoked), Arc::clone(&granted));
                tokio::spawn(async move { exchange_until_refused(&tree, worker, &nonce, &is_revoked, &granted).await })
            })
            .collect();
        while granted.load(Ordering::SeqCst) < 20 {
            tokio::task::yield_now().await;
        }
        assert_eq!(tree.copies[1].1.post(&format!("/delegations/{}/revoke", tree.id())).await.status, 200);
        is_revoked.store(true, Ordering::SeqCst);
        for worker in workers {
            worker.await.unwrap();
        }
    }
}

async fn exchange_until_refused(tree: &Tree, worker: usize, nonce: &str, is_revoked: &AtomicBool, granted: &AtomicUsize) {
    let wishes = [
        (&tree.planner, tree.form.clone()),
        (&tree.planner, tree.planner.onward(&tree.root)),
        (&tree.researcher, tree.researcher.onward(&tree.second)),
    ];
    let mut after = 0;
    for turn in worker.. {
        let was_revoked = is_revoked.load(Ordering::SeqCst);
        let (agent, form) = &wishes[turn % 3];
        let answer = tree.copies[turn % 2].0.exchange_with(agent, form, nonce).await;
        match answer.status {
            200 if was_revoked => panic!("granted after it was revoked: {answer:?}"),
            200 => _ = granted.fetch_add(1, Ordering::SeqCst),
            _ => assert_eq!(answer.refusal(), (400, "invalid_request".to_owned())),
        }
        after += usize::from(was_revoked);
        if after == 6 {
            return;
        }
    }
}
