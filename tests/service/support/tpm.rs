//! A TPM of its own for one test: swtpm, and tpm2-tools that speak to it.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::{Ended, run};

/// The page whose commands are run here.
const PAGE: &str = include_str!("../../../docs/platforms/tpm.md");
/// What its blocks are for.
const ONCE: usize = 0;
const FUNCTIONS: usize = 1;
const BY_AK: usize = 2;
const WIT: usize = 3;
const DELEGATION: usize = 4;

pub(crate) struct Tpm {
    dir: tempfile::TempDir,
    process: Child,
    /// The page as this machine follows it.
    page: Vec<String>,
}

impl Tpm {
    /// A new TPM, on which nothing was done yet. `edits` change the commands of the page.
    pub(crate) fn start(edits: &[(&str, &str)]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let socket = dir.path().join("tpm.sock").display().to_string();
        std::fs::create_dir(dir.path().join("state")).unwrap();
        let process = Command::new("swtpm")
            .args(["socket", "--tpm2", "--flags", "startup-clear", "--tpmstate"])
            .arg(format!("dir={}", dir.path().join("state").display()))
            .args(["--server", &format!("type=unixio,path={socket}"), "--ctrl", &format!("type=unixio,path={socket}.ctrl")])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let process = process.unwrap_or_else(|error| {
            panic!("this test needs swtpm and tpm2-tools (Debian: apt-get install swtpm tpm2-tools libtss2-tcti-swtpm0): {error}")
        });
        let blocks = PAGE.split("```sh\n").skip(1).map(|rest| rest.split("```").next().unwrap().to_owned());
        let edit = |block: String| edits.iter().fold(block, |block, (old, new)| block.replace(old, new));
        let tpm = Self { dir, process, page: blocks.map(edit).collect() };
        assert_eq!(tpm.page.len(), DELEGATION + 1, "the page has other blocks than it had");
        for _ in 0..1000 {
            if UnixStream::connect(&socket).is_ok() {
                return tpm;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("swtpm did not come to answer");
    }

    /// A TPM with an EK, an AK and a key, as the page makes them.
    pub(crate) fn provisioned(edits: &[(&str, &str)]) -> Self {
        let tpm = Self::start(edits);
        tpm.does(&tpm.page[ONCE]);
        tpm
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// Where `issuer` is found: on `port` of this machine.
    pub(crate) fn finds(&self, issuer: &str, address: &str) {
        let (issuer, address) = (issuer.trim_start_matches("http://"), address.trim_start_matches("http://"));
        std::fs::write(self.path(".curlrc"), format!("connect-to = \"{issuer}:{address}\"\nnoproxy = \"*\"\n")).unwrap();
    }

    /// The page's functions and what asks for a WIT by them, for a machine enrolled by its EK; or by its AK.
    pub(crate) fn wit(&self, by_ak: bool) -> String {
        self.functions(by_ak) + &self.page[WIT]
    }

    /// What follows that and asks for a delegation token.
    pub(crate) fn delegation(&self) -> &str {
        &self.page[DELEGATION]
    }

    /// The page's functions alone.
    pub(crate) fn functions(&self, by_ak: bool) -> String {
        self.page[FUNCTIONS].clone() + if by_ak { &self.page[BY_AK] } else { "" }
    }

    /// Runs `script` on the machine that has this TPM.
    pub(crate) fn run(&self, script: &str) -> Ended {
        // A machine's kernel makes room in the TPM for every command; nobody does in this one.
        const ROOM: &str = "trap 'case $BASH_COMMAND in *tpm2_*) tpm2_flushcontext -t;; esac' DEBUG\n";
        let socket = self.path("tpm.sock");
        let mut command = Command::new("bash");
        command.args(["-euTo", "pipefail", "-c", &format!("{ROOM}{script}")]).current_dir(self.dir.path()).stdin(Stdio::null());
        command.env("CURL_HOME", self.dir.path()).env("TPM2TOOLS_TCTI", format!("swtpm:path={}", socket.display()));
        run(&mut command)
    }

    /// The same where nothing may fail; what it printed.
    pub(crate) fn does(&self, script: &str) -> String {
        let ended = self.run(script);
        assert_eq!(ended.code, 0, "{script}\n{}\n{}", ended.stdout, ended.stderr);
        ended.stdout
    }

    /// Has the TPM certify the page's key by its AK: `TPM2_Certify`, for which tpm2-tools take no qualifying data (TPM 2.0
    /// Part 3 section 18.2). Writes the files that the page's commands would.
    pub(crate) fn certify(&self, qualifying: &[u8]) {
        let handles = [0x8100_0010_u32.to_be_bytes(), 0x8101_0002_u32.to_be_bytes()].concat();
        // Two empty passwords.
        let password = [&0x4000_0009_u32.to_be_bytes()[..], &[0; 5]].concat();
        let sessions = [&18_u32.to_be_bytes()[..], &password, &password].concat();
        let data = [&u16::try_from(qualifying.len()).unwrap().to_be_bytes()[..], qualifying, &[0, 0x10]].concat();
        let body = [handles, sessions, data].concat();
        let size = u32::try_from(body.len() + 10).unwrap().to_be_bytes();
        let command = [&[0x80, 0x02][..], &size, &0x148_u32.to_be_bytes(), &body].concat();
        let answer = self.send(&command);
        assert_eq!(answer[6..10], [0; 4], "{answer:02x?}");
        let parameters = usize::try_from(u32::from_be_bytes(answer[10..14].try_into().unwrap())).unwrap();
        let parameters = &answer[14..14 + parameters];
        let (info, signature) = parameters[2..].split_at(usize::from(u16::from_be_bytes([parameters[0], parameters[1]])));
        std::fs::write(self.path("certify.info"), info).unwrap();
        std::fs::write(self.path("certify.sig"), signature).unwrap();
    }

    fn send(&self, command: &[u8]) -> Vec<u8> {
        let mut stream = UnixStream::connect(self.path("tpm.sock")).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        stream.write_all(command).unwrap();
        let mut head = [0; 10];
        stream.read_exact(&mut head).unwrap();
        let size = usize::try_from(u32::from_be_bytes(head[2..6].try_into().unwrap())).unwrap();
        let mut answer = [&head[..], &vec![0; size - 10]].concat();
        stream.read_exact(&mut answer[10..]).unwrap();
        answer
    }
}

impl Drop for Tpm {
    fn drop(&mut self) {
        // Nothing here may panic: the test may be panicking already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
