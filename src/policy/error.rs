//! Why targets or policies cannot be used, told to the person who wrote them.

use core::fmt;
use std::io;
use std::path::PathBuf;

use procura_token::Resource;

/// Why a list of targets cannot be used.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TargetError {
    /// Two targets have one URI.
    #[error("two targets have the resource `{0}`: keep one of them")]
    DuplicateResource(Resource),
    /// Two targets have one logical name.
    #[error("two targets have the name `{0}`: rename one of them")]
    DuplicateName(String),
}

/// Why the policies of a directory cannot be used. Each message says where, what, and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// The directory cannot be listed.
    #[error("the {kind} directory `{}` cannot be read: {source}; create it, or correct its path in the configuration", path.display())]
    Directory {
        /// Of which kind of files.
        kind: &'static str,
        /// The directory.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// More files than a policy set may have.
    #[error("the {kind} directory `{}` has more than {limit} {kind} files: join some of them", path.display())]
    TooManyFiles {
        /// Of which kind.
        kind: &'static str,
        /// The directory.
        path: PathBuf,
        /// The most it may have.
        limit: usize,
    },
    /// A file cannot be read.
    #[error("the {kind} file `{}` cannot be read: {source}; let the service read it, or remove it", path.display())]
    File {
        /// Of which kind.
        kind: &'static str,
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// A file has more bytes than allowed.
    #[error("the {kind} file `{file}` has more than {limit} bytes: split it")]
    TooLong {
        /// Of which kind.
        kind: &'static str,
        /// The file's name.
        file: String,
        /// The most bytes it may have.
        limit: u64,
    },
    /// A file is not text, or its name is not.
    #[error("the file `{0}` is not UTF-8 text without control characters in its name: save or name it as such")]
    NotText(String),
    /// Not Cedar.
    #[error("{place}: {reason}")]
    Syntax {
        /// Where.
        place: Place,
        /// What the parser says.
        reason: String,
    },
    /// A policy with a slot, `?principal` or `?resource`.
    #[error("`{file}`: a policy has a slot such as `?principal`, which nothing would ever fill: name the entity instead")]
    Template {
        /// The file's name.
        file: String,
    },
    /// A policy that does not fit the schema.
    #[error("{place}: {reason}; `procura` knows only the entities, actions and attributes of its policy schema")]
    Schema {
        /// Where.
        place: Place,
        /// What the validator says.
        reason: String,
    },
    /// A policy that fits the schema and cannot be what its author wants.
    #[error("{place}, policy `{policy}`: {reason}")]
    Unfit {
        /// Where the policy begins.
        place: Place,
        /// The policy's id.
        policy: String,
        /// What is wrong, and what to do.
        reason: &'static str,
    },
    /// An annotation of ours with a value that means nothing.
    #[error("{place}, policy `{policy}`: `@{annotation}(\"{value}\")` is not {expected}")]
    Annotation {
        /// Where the policy begins.
        place: Place,
        /// The policy's id.
        policy: String,
        /// The annotation's name.
        annotation: &'static str,
        /// Its value.
        value: String,
        /// What is expected, with an example.
        expected: &'static str,
    },
    /// Two policies with one id.
    #[error("{second}: the policy id `{id}` is already that of a policy in {first}: change one of them")]
    DuplicateId {
        /// The id.
        id: String,
        /// The first policy's place.
        first: Place,
        /// The second policy's place.
        second: Place,
    },
    /// Agents and groups that make no sense.
    #[error("{place}: {reason}")]
    Entity {
        /// Where.
        place: Place,
        /// What is wrong, and what to do.
        reason: String,
    },
    /// The database of countries cannot be used.
    #[error("the country database `{}` cannot be used: {reason}; name a database in MaxMind's format that knows countries", path.display())]
    Country {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// Cedar refuses what it accepted before: not the fault of any policy.
    #[error("the policy engine failed: {0}; please report it")]
    Engine(String),
}

impl PolicyError {
    pub(super) fn engine(cause: impl fmt::Display) -> Self {
        Self::Engine(cause.to_string())
    }

    pub(super) fn entity(place: Place, reason: &str) -> Self {
        Self::Entity { place, reason: reason.to_owned() }
    }
}

/// A place in a policy file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file's name.
    pub file: String,
    /// The line, counted from 1, if it is known.
    pub line: Option<usize>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", self.file)?;
        match self.line {
            Some(line) => write!(f, " line {line}"),
            None => Ok(()),
        }
    }
}
