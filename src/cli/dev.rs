//! `procura dev`: a complete world on one machine, to try everything in a minute. Its keys protect nothing.

mod credential;
mod tour;
mod world;

use std::net::SocketAddr;
use std::path::PathBuf;

use crate::config::{Config, LogLevel};
use world::{Beside, World};

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
    /// Listen on this address too, for clients that show an X.509-SVID over mutual TLS
    #[arg(long, value_name = "ADDR", long_help = MTLS_HELP)]
    mtls: Option<SocketAddr>,
    /// Where operators see metrics and delegations; 1000 ports after that of --listen if not given
    #[arg(long, value_name = "ADDR")]
    admin: Option<SocketAddr>,
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

const MTLS_HELP: &str = "\
Listen on this address too, for clients that show an X.509-SVID over mutual TLS

With --mtls 127.0.0.1:8443 and the default directory:
  procura dev svid --kind x509 --id /agent/planner > svid.pem
  curl --cacert .procura/authority/ca.pem --cert svid.pem https://127.0.0.1:8443/token \\
    -d grant_type=urn:ietf:params:oauth:grant-type:token-exchange -d audience=calendar \\
    -d subject_token_type=urn:ietf:params:oauth:token-type:id_token \\
    -d subject_token=\"$(procura dev user-token --sub alice)\"";

pub(super) fn run(arguments: Arguments) -> anyhow::Result<()> {
    match arguments.command {
        Some(Command::Svid(svid)) => credential::print_svid(&svid),
        Some(Command::UserToken(token)) => credential::print_user_token(&token),
        None => serve(&arguments),
    }
}

fn serve(arguments: &Arguments) -> anyhow::Result<()> {
    let world = World::create(&arguments.dir, arguments.listen)?;
    if let Some(mtls) = arguments.mtls {
        anyhow::ensure!(mtls.ip().is_loopback(), super::Usage("--mtls takes a loopback address"));
        credential::certify_server(&world, mtls.ip())?;
    }
    let admin = arguments.admin.unwrap_or_else(|| operators(arguments.listen));
    anyhow::ensure!(admin.ip().is_loopback(), super::Usage("--admin takes a loopback address"));
    let beside = Beside { mtls: arguments.mtls, admin: Some(admin), redis: arguments.redis.as_deref() };
    let text = world.configuration(arguments.listen, &beside);
    let config = Config::of_file(&world.config_file(), &text)?;
    // The tour tells a story; the log would interrupt it.
    super::serve::start_log(&config, if arguments.tour { LogLevel::Warn } else { LogLevel::Info });
    super::runtime()?.block_on(async {
        let opened = super::serve::open(&config).await?;
        // Only now: where a world is served already, its configuration stays what it is.
        world.keep_configuration(&text)?;
        world.announce(arguments.mtls, admin);
        if !arguments.tour {
            return opened.serve(&config).await;
        }
        let serving = opened.serve(&config);
        let touring = tour::run(&world);
        tokio::pin!(serving);
        tokio::select! {
            served = &mut serving => served,
            toured = touring => {
                let _calendar = toured?;
                if arguments.once {
                    return Ok(());
                }
                super::print(&format!("Still serving at {}, and the calendar with it. Ctrl-C ends both.", world.issuer()));
                serving.await
            }
        }
    })
}

/// The port is 1000 away.
fn operators(listen: SocketAddr) -> SocketAddr {
    let port = listen.port();
    SocketAddr::new(listen.ip(), port.checked_add(1000).unwrap_or(port.saturating_sub(1000)))
}
