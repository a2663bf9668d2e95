//! Biscuits that cost as much as their limits let them. Each is refused or believed after all the work it can cause.

use crate::world::{Agent, NOW, World, forge};
use procura_handover::UnverifiedHandover;
use procura_token::Algorithm;

/// A Biscuit and its judge.
pub(crate) struct Hostile {
    pub(crate) name: &'static str,
    pub(crate) judge: Box<dyn Fn()>,
}

/// As many octets as a text of 16 KiB has.
const ROOM: usize = 16384 / 4 * 3 - 600;

fn parsed(name: &'static str, text: String) -> Hostile {
    assert!(text.len() <= 16384, "{name}: {}", text.len());
    Hostile { name, judge: Box::new(move || assert!(UnverifiedHandover::parse(&text).is_err())) }
}

pub(crate) fn all() -> Vec<Hostile> {
    let world = World::new();
    let biscuit = world.biscuit();
    let with_block = |block: Vec<u8>| forge(&biscuit, |biscuit| biscuit.authority.block = block);
    let blocks = |count| forge(&biscuit, |biscuit| biscuit.blocks = vec![biscuit.authority.clone(); count]);
    let facts: String = (0..40).map(|n| format!("n({n});")).collect();
    let join = format!("{facts}r($a, $b, $c, $d) <- n($a), n($b), n($c), n($d);");
    let permits = |count: usize| (0..count).map(|n| format!("permits(\"{n}\");")).collect::<String>();
    let mut all = vec![
        parsed("Datalog with a join of four", world.append(&biscuit, &world.planner, &join)),
        parsed("empty symbols", with_block([0x0a, 0x00].repeat(ROOM / 2))),
        parsed("empty facts", with_block([0x22, 0x00].repeat(ROOM / 2))),
        parsed("empty checks", with_block([0x32, 0x00].repeat(ROOM / 2))),
        parsed("a check of empty queries", with_block(nested(0x32, &[0x0a, 0x00].repeat(ROOM / 2 - 4)))),
        parsed("a fact of empty terms", with_block(nested(0x22, &nested(0x0a, &[0x12, 0x00].repeat(ROOM / 2 - 8))))),
        parsed("as many blocks as there is room for", blocks(16384 / 4 * 3 / (biscuit.len() / 4 * 3) - 1)),
        parsed("as many facts as a block may have", world.append(&biscuit, &world.planner, &permits(128))),
        parsed("as many facts as there is room for", world.append(&biscuit, &world.planner, &permits(600))),
    ];
    all.extend(whole());
    all
}

fn nested(tag: u8, body: &[u8]) -> Vec<u8> {
    let length = [u8::try_from(body.len() & 0x7f).unwrap() | 0x80, u8::try_from(body.len() >> 7).unwrap()];
    [&[tag], length.as_slice(), body].concat()
}

/// Good ones: a chain of seven hand-overs by P-256 keys, and one hand-over; and the same by a thief at its end.
pub(crate) fn whole() -> Vec<Hostile> {
    let world = std::rc::Rc::new(World::new());
    let agents: Vec<_> = (0..8).map(|n| Agent::new(&n.to_string(), Algorithm::Es256)).collect();
    let mut texts = vec![world.issue(&world.token(&agents[0]), &agents[0])];
    for pair in agents.windows(2) {
        texts.push(world.hand_over(texts.last().unwrap(), &pair[0], &pair[1], None, None).unwrap());
    }
    let good = |name, text: &str| {
        let (world, text) = (world.clone(), text.to_owned());
        Hostile { name, judge: Box::new(move || drop(world.judge(&text, NOW).unwrap())) }
    };
    let stolen = forge(&texts[1], |biscuit| {
        let signature = biscuit.blocks[0].external_signature.as_mut().unwrap();
        let last = signature.signature.last_mut().unwrap();
        *last ^= 1;
    });
    let thief = {
        let world = world.clone();
        Hostile { name: "one hand-over, by a thief", judge: Box::new(move || assert!(world.judge(&stolen, NOW).is_err())) }
    };
    vec![good("no hand-over", &texts[0]), good("one hand-over", &texts[1]), good("seven hand-overs", &texts[7]), thief]
}
