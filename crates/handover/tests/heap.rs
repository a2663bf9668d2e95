//! What a hostile Biscuit may cost in memory. What it costs in time, `cargo bench -p procura-handover` says.

#[path = "support/hostile.rs"]
mod hostile;
#[path = "support/world.rs"]
mod world;

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

/// What libraries in C allocate is not counted.
#[test]
fn no_biscuit_takes_more_than_a_mebibyte() {
    for biscuit in hostile::all() {
        let profiler = dhat::Profiler::builder().testing().build();
        (biscuit.judge)();
        let peak = dhat::HeapStats::get().max_bytes;
        drop(profiler);
        assert!((1..=1 << 20).contains(&peak), "{}: {peak} bytes", biscuit.name);
    }
}
