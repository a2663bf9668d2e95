//! What a Biscuit costs, and one that is made to cost much: `cargo bench -p procura-handover`.

use criterion::{Criterion, criterion_group, criterion_main};

#[path = "../tests/support/hostile.rs"]
mod hostile;
#[path = "../tests/support/world.rs"]
mod world;

fn judge(c: &mut Criterion) {
    for biscuit in hostile::all() {
        c.bench_function(biscuit.name, |b| b.iter(&biscuit.judge));
    }
}

fn make(c: &mut Criterion) {
    let world = world::World::new();
    let token = world.token(&world.planner);
    c.bench_function("issue", |b| b.iter(|| world.issue(&token, &world.planner)));
    let biscuit = world.biscuit();
    c.bench_function("hand over, the WIT made too", |b| {
        b.iter(|| world.hand_over(&biscuit, &world.planner, &world.researcher, None, None).unwrap());
    });
}

criterion_group!(benches, judge, make);
criterion_main!(benches);
