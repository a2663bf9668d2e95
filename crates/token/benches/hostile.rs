//! What credentials cost that are made to cost much: `cargo bench -p procura-token --bench hostile`.

use criterion::{Criterion, criterion_group, criterion_main};

#[path = "../tests/support/hostile.rs"]
mod hostile;

fn judge(c: &mut Criterion) {
    for credential in hostile::all() {
        c.bench_function(credential.name, |b| b.iter(&credential.judge));
    }
}

criterion_group!(benches, judge);
criterion_main!(benches);
