//! The tour.
use super::world::World;
pub(super) async fn run(_: &World) -> anyhow::Result<()> {
    Ok(())
}
