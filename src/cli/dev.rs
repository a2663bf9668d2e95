//! `procura dev`: a complete world on one machine, to try everything in a minute. Its keys protect nothing.

mod credential;
mod tour;
mod world;

use std::net::SocketAddr;
use std::path::PathBuf;

use crate::config::{Config, LogLevel};
use world::World;

#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// Where the world lives; made if it does not exist
    #[arg(long, value_name = "DIR", default_value = world::DEFAULT_DIRECTORY)]
    dir: PathBuf,
    /// The address to listen on; the issuer is `http://ADDR`
    #[arg(long, value_name = "ADDR", default_value = world::DEFAULT_LISTEN)]
    listen: SocketAddr,
    /// Share replay memory and delegations through this Redis instead of keeping them in memory
    #[arg(long, value_name = "URL")]
    redis: Option<String>,
    /// Show, step by step, what the service does and why it is safe; then go on serving
    #[arg(long)]
    tour: bool,
    /// With --tour: stop after the tour
    #[arg(long, requires = "tour")]
    once: bool,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Print a credential of a workload of the development trust domain
    Svid(credential::Svid),
    /// Print an ID token of a user of the development issuer
    UserToken(credential::UserToken),
}

pub(super) fn run(arguments: Arguments) -> anyhow::Result<()> {
    match arguments.command {
        Some(Command::Svid(svid)) => credential::print_svid(&svid),
        Some(Command::UserToken(token)) => credential::print_user_token(&token),
        None => serve(&arguments),
    }
}

fn serve(arguments: &Arguments) -> anyhow::Result<()> {
    let world = World::create(&arguments.dir, arguments.listen)?;
    let text = world.configuration(arguments.listen, arguments.redis.as_deref());
    let config = Config::of_file(&world.config_file(), &text)?;
    // The tour tells a story; the log would interrupt it.
    super::serve::start_log(&config, if arguments.tour { LogLevel::Warn } else { LogLevel::Info });
    super::runtime()?.block_on(async {
        let (server, app) = super::serve::open(&config).await?;
        // Only now: where a world is served already, its configuration stays what it is.
        world.keep_configuration(&text)?;
        world.announce();
        if !arguments.tour {
            return super::serve::serve(server, app, &config).await;
        }
        let serving = super::serve::serve(server, app, &config);
        let touring = tour::run(&world);
        tokio::pin!(serving);
        tokio::select! {
            served = &mut serving => served,
            toured = touring => {
                let _calendar = toured?;
                if arguments.once {
                    return Ok(());
                }
                super::print(&format!("Serving on at {}, and the calendar with it. Ctrl-C ends both.", world.issuer()));
                serving.await
            }
        }
    })
}
