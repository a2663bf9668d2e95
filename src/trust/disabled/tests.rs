use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use procura_token::UnixTime;
use proptest::prelude::*;
use tempfile::TempDir;

use super::*;

const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);

fn workload(text: &str) -> Tombstone {
    tombstone(Party::Workload(text.parse().unwrap()))
}

fn tombstone(party: Party) -> Tombstone {
    Tombstone { party, since: NOW, reason: "stolen".to_owned() }
}

fn is_disabled(set: &Set, id: &str) -> bool {
    set.workload(&id.parse().unwrap()).is_some()
}

/// F13, W10.
#[test]
fn a_pattern_covers_whole_segments() {
    for (pattern, id, covers) in [
        ("spiffe://prod.example/agent/planner", "spiffe://prod.example/agent/planner", true),
        ("spiffe://prod.example/agent/planner", "spiffe://prod.example/agent/planner-evil", false),
        ("spiffe://prod.example/agent/planner", "spiffe://prod.example/agent/planner/x", false),
        ("spiffe://prod.example/agent/planner", "spiffe://other.example/agent/planner", false),
        ("spiffe://prod.example/agent/*", "spiffe://prod.example/agent/planner", true),
        ("spiffe://prod.example/agent/*", "spiffe://prod.example/agent/a/b/c", true),
        ("spiffe://prod.example/agent/*", "spiffe://prod.example/agent", false),
        ("spiffe://prod.example/agent/*", "spiffe://prod.example/agent-evil/planner", false),
        ("spiffe://prod.example/*", "spiffe://prod.example/anything", true),
        ("spiffe://prod.example/*", "spiffe://prod.example.evil/anything", false),
    ] {
        let set = Set::new([workload(pattern)]);
        assert_eq!(is_disabled(&set, id), covers, "{pattern} {id}");
    }
    let set = Set::new([tombstone(Party::TrustDomain("prod.example".parse().unwrap()))]);
    assert!(is_disabled(&set, "spiffe://prod.example/a") && !is_disabled(&set, "spiffe://prod.example.evil/a"));
}

#[test]
fn patterns_that_are_no_identifiers_are_refused() {
    for text in
        ["", "*", "/agent/*", "spiffe://*", "spiffe:///*", "spiffe://a/*/b", "spiffe://a/b*", "spiffe://a", "spiffe://A/b"]
    {
        assert!(text.parse::<WorkloadPattern>().is_err(), "{text}");
    }
    let below: WorkloadPattern = "spiffe://a.example/*".parse().unwrap();
    assert_eq!((below.trust_domain(), below.above()), ("a.example", Some("spiffe://a.example")));
}

#[test]
fn an_entry_names_one_party_a_moment_and_a_reason() {
    let text = r#"
        [[disabled]]
        workload = "spiffe://prod.example/agent/*"
        since = "2027-01-15T08:00:00Z"
        reason = "stolen"
        [[disabled]]
        issuer = "https://login.example"
        since = 2027-01-15T09:30:00+01:30 # as TOML has it
        reason = "its key leaked"
        [[disabled]]
        trust_domain = "old.example"
        since = "2027-01-15T03:00:00.5-05:00"
        reason = "gone"
        [[disabled]]
        platform = "ci"
        since = "2027-01-15 08:00:00Z"
        reason = "audit"
    "#;
    let tombstones = parse_tombstones(text).unwrap();
    let names: Vec<String> = tombstones.iter().map(|known| known.party.to_string()).collect();
    assert_eq!(
        names,
        [
            "workload `spiffe://prod.example/agent/*`",
            "issuer `https://login.example`",
            "trust domain `old.example`",
            "platform rule `ci`"
        ]
    );
    assert!(tombstones.iter().all(|known| known.since.as_secs() == NOW.as_secs()), "{tombstones:?}");
    assert_eq!(
        tombstones[0].to_string(),
        "workload `spiffe://prod.example/agent/*` is disabled since 2027-01-15T08:00:00Z: stolen"
    );
    assert_eq!(parse_tombstones("").unwrap(), []);
    assert_eq!(parse_tombstones("# nobody\n").unwrap(), []);
}

#[test]
fn a_list_that_is_wrong_is_refused_with_its_line() {
    let entry = |party: &str| format!("[[disabled]]\n{party}\nsince = \"2027-01-15T08:00:00Z\"\nreason = \"x\"\n");
    for (text, words) in [
        (entry(""), "exactly one of"),
        (entry("platform = \"a\"\nissuer = \"https://a.example\""), "exactly one of"),
        (entry("worklod = \"spiffe://a/b\""), "worklod"),
        (entry("workload = \"spiffe://a\""), "`workload` is `spiffe://a`"),
        (entry("workload = \"spiffe://a/b*\""), "not allowed in a path"),
        (entry("issuer = \"login.example\""), "`issuer` is"),
        (entry("trust_domain = \"A\""), "`trust_domain` is"),
        ("[[disabled]]\nplatform = \"a\"\nreason = \"x\"".to_owned(), "since"),
        ("[[disabled]]\nplatform = \"a\"\nsince = \"2027-01-15T08:00:00Z\"".to_owned(), "reason"),
        ("[[disabled]]\nplatform = \"a\"\nsince = \"2027-01-15T08:00:00Z\"\nreason = \" \"".to_owned(), "one line"),
        ("[[disabled]]\nplatform = \"a\"\nsince = \"yesterday\"\nreason = \"x\"".to_owned(), "2026-11-22T07:30:00Z"),
        ("[[disabled]]\nplatform = \"a\"\nsince = 2027-01-15\nreason = \"x\"".to_owned(), "2026-11-22T07:30:00Z"),
        ("[[disabled]]\nplatform = \"a\"\nsince = 7\nreason = \"x\"".to_owned(), "2026-11-22T07:30:00Z"),
        ("[[enabled]]".to_owned(), "enabled"),
        ("disabled = \"everybody\"".to_owned(), "line 1"),
        ("[[disabled]".to_owned(), "line 1"),
    ] {
        let cause = parse_tombstones(&text).expect_err(&text);
        assert!(cause.starts_with("line ") && cause.contains(words), "{text}: {cause}");
    }
    let many = entry("platform = \"a\"").repeat(10_001);
    assert!(parse_tombstones(&many).unwrap_err().contains("10,000"));
}

struct List {
    directory: TempDir,
}

impl List {
    fn new(text: &str) -> Self {
        let list = Self { directory: tempfile::tempdir().unwrap() };
        std::fs::write(list.path(), text).unwrap();
        list
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("disabled.toml")
    }

    fn text(&self) -> String {
        std::fs::read_to_string(self.path()).unwrap()
    }
}

const PLANNER: &str = "spiffe://prod.example/agent/planner";
const WRITER: &str = "spiffe://prod.example/agent/writer";

/// W10: what is taken away needs the file to stand still; what is added does not.
#[test]
fn additions_hold_at_the_first_look_and_removals_at_the_second() {
    let list = List::new("");
    let disabled = Disabled::open(Some(&list.path())).unwrap();
    let refuses = |id: &str| disabled.admit_workload(&id.parse().unwrap()).is_err();
    assert!(!refuses(PLANNER));
    disable(&list.path(), &workload(PLANNER)).unwrap();
    disabled.look();
    assert!(refuses(PLANNER));

    // Half of a file that somebody writes in place: nobody in it yet.
    std::fs::write(list.path(), "").unwrap();
    disabled.look();
    assert!(refuses(PLANNER));
    std::fs::write(list.path(), "[[disabled]]\nworkload = \"spiffe://prod.example/agent/writer\"\n").unwrap();
    disabled.look();
    assert!(refuses(PLANNER) && !refuses(WRITER), "a broken file changes nothing");
    std::fs::write(list.path(), "").unwrap();
    disable(&list.path(), &workload(WRITER)).unwrap();
    disabled.look();
    assert!(refuses(PLANNER) && refuses(WRITER));
    disabled.look();
    assert!(!refuses(PLANNER) && refuses(WRITER));
}

#[test]
fn a_missing_file_keeps_the_last_one_in_force_and_a_reload_takes_what_is_there_at_once() {
    let list = List::new("");
    disable(&list.path(), &workload(PLANNER)).unwrap();
    let disabled = Disabled::open(Some(&list.path())).unwrap();
    let refuses = || disabled.admit_workload(&PLANNER.parse().unwrap()).is_err();
    std::fs::remove_file(list.path()).unwrap();
    for _ in 0..3 {
        disabled.look();
        disabled.reload();
        assert!(refuses());
    }
    std::fs::write(list.path(), "").unwrap();
    disabled.reload();
    assert!(!refuses());
    assert!(Disabled::open(Some(&list.directory.path().join("none.toml"))).is_err());
    assert!(Disabled::open(Some(list.directory.path())).is_err(), "a directory is no file");
}

const COMMENTED: &str = "\
# Ask security before you change this.

# Ticket 17.
[[disabled]]
workload = \"spiffe://prod.example/agent/planner\" # the old one
since = 2027-01-15T08:00:00Z
reason = \"\"\"stolen\"\"\"

# Ticket 18.
[[disabled]]
platform = \"ci\"
since = \"2027-01-15T08:00:00Z\"
reason = \"audit\"
";

#[test]
fn a_change_keeps_comments_mode_and_everybody_else() {
    let list = List::new(COMMENTED);
    std::fs::set_permissions(list.path(), std::fs::Permissions::from_mode(0o640)).unwrap();
    let odd = Tombstone { reason: "it said \"no\\\" \u{7f}ü 😀 # [[disabled]]".replace('\u{7f}', ""), ..workload(WRITER) };
    assert_eq!(disable(&list.path(), &odd).unwrap(), Added::New);
    assert!(list.text().starts_with(COMMENTED), "{}", list.text());
    assert_eq!(read_tombstones(&list.path()).unwrap().last(), Some(&odd));
    assert_eq!(disable(&list.path(), &workload(WRITER)).unwrap(), Added::Already(odd.clone()));

    let planner = Party::Workload(PLANNER.parse().unwrap());
    assert_eq!(enable(&list.path(), &planner, |_| Ok(())).unwrap().len(), 1);
    assert!(!list.text().contains("Ticket 17") && list.text().contains("Ticket 18") && list.text().contains("Ask security"));
    assert_eq!(enable(&list.path(), &planner, |_| Ok(())).unwrap(), []);
    assert_eq!(list.path().metadata().unwrap().permissions().mode() & 0o777, 0o640);
    assert_eq!(std::fs::read_dir(list.directory.path()).unwrap().count(), 1, "nothing is left behind");
}

#[test]
fn a_change_that_is_not_permitted_or_not_possible_leaves_the_file_alone() {
    let list = List::new(COMMENTED);
    let planner = Party::Workload(PLANNER.parse().unwrap());
    let too_young = enable(&list.path(), &planner, |known| Err(format!("{} is young", known.party)));
    assert!(too_young.unwrap_err().to_string().contains("is young"));
    let reason = "two\nlines".to_owned();
    assert!(disable(&list.path(), &Tombstone { reason, ..workload(WRITER) }).unwrap_err().to_string().contains("one line"));
    assert_eq!(list.text(), COMMENTED);

    // Written in a way that cannot be cut into tables.
    let inline = "disabled = [{ platform = \"ci\", since = 2027-01-15T08:00:00Z, reason = \"audit\" }]\n";
    std::fs::write(list.path(), inline).unwrap();
    for changed in [
        disable(&list.path(), &workload(WRITER)).map(drop),
        enable(&list.path(), &Party::Platform("ci".to_owned()), |_| Ok(())).map(drop),
    ] {
        assert!(changed.unwrap_err().to_string().contains("with an editor"));
    }
    assert_eq!(list.text(), inline);

    let nowhere = list.directory.path().join("none.toml");
    assert!(disable(&nowhere, &workload(WRITER)).unwrap_err().to_string().contains("an empty file disables nobody"));
    assert!(!nowhere.exists());
}

#[test]
fn whoever_changes_it_at_the_same_time_is_told_to_try_again() {
    let list = List::new("");
    let held = std::fs::File::open(list.directory.path()).unwrap();
    held.lock().unwrap();
    assert!(disable(&list.path(), &workload(PLANNER)).unwrap_err().to_string().contains("try again"));
    held.unlock().unwrap();
    // Through a link, the file it points to is the one that changes.
    let link = list.directory.path().join("link.toml");
    std::os::unix::fs::symlink(list.path(), &link).unwrap();
    disable(&link, &workload(PLANNER)).unwrap();
    assert!(link.is_symlink() && list.text().contains(PLANNER));
}

#[test]
fn moments_are_written_in_utc() {
    assert_eq!(rfc3339(NOW), "2027-01-15T08:00:00Z");
    assert_eq!(rfc3339(UnixTime::new(Duration::MAX)), UnixTime::new(Duration::MAX).to_string());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever reasons say and whoever else is in the list.
    #[test]
    fn who_is_disabled_and_enabled_leaves_no_trace(
        reasons in prop::collection::vec("[^\\p{Cc}]{0,20}[a-z\"\\\\#'\\[\\]=][^\\p{Cc}]{0,20}", 1..5),
        who in any::<prop::sample::Index>(),
    ) {
        let named = |number: usize, reason: &String| {
            Tombstone { reason: reason.clone(), ..tombstone(Party::Platform(format!("rule-{number}"))) }
        };
        let all: Vec<Tombstone> = reasons.iter().enumerate().map(|(number, reason)| named(number, reason)).collect();
        let list = List::new("# nobody yet\n");
        for one in &all {
            prop_assert_eq!(disable(&list.path(), one).unwrap(), Added::New);
        }
        prop_assert_eq!(&read_tombstones(&list.path()).unwrap(), &all);
        let gone = who.get(&all);
        prop_assert_eq!(enable(&list.path(), &gone.party, |_| Ok(())).unwrap(), vec![gone.clone()]);
        let left: Vec<Tombstone> = all.iter().filter(|one| *one != gone).cloned().collect();
        prop_assert_eq!(read_tombstones(&list.path()).unwrap(), left);
        prop_assert!(list.text().starts_with("# nobody yet\n"));
    }

    #[test]
    fn no_text_is_too_odd_to_be_read(text in "(\\[\\[disabled\\]\\]|since = |[a-z\"=\\[\\]{}0-9:TZ. \n-]){0,30}") {
        let _ = parse_tombstones(&text);
    }
}
