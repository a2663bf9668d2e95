//! What a hostile credential may cost in memory. What it costs in time, `cargo bench -p procura-token --bench hostile` says.

#[path = "support/hostile.rs"]
mod hostile;

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

/// What libraries in C allocate is not counted.
#[test]
fn no_credential_takes_more_than_a_mebibyte() {
    for credential in hostile::all() {
        let profiler = dhat::Profiler::builder().testing().build();
        (credential.judge)();
        let peak = dhat::HeapStats::get().max_bytes;
        drop(profiler);
        assert!((1..=1 << 20).contains(&peak), "{}: {peak} bytes", credential.name);
    }
}
