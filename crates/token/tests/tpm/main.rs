//! Statements of TPMs: recorded from swtpm by `record.sh`, and written here to be wrong in one point each.

mod attribute;
mod credential;
mod mutation;
mod recorded;
mod statement;
mod written;
