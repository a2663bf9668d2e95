//! Dictionaries of structured fields (RFC 8941), more strictly than the RFC has it: a key twice is an error instead of the
//! last one counting, so that no two readers choose differently; and there are limits.

use core::fmt;

use http::HeaderMap;
use sfv::visitor::{DictionaryVisitor, EntryVisitor, InnerListVisitor, ItemVisitor, ParameterVisitor};
use sfv::{BareItemFromInput, KeyRef, Parser, Version};

use crate::ParseError;

/// The most bytes of a field, all its lines together.
const MAX_FIELD: usize = 8 * 1024;
/// The most members of a dictionary.
const MAX_MEMBERS: usize = 8;
/// The most items of an inner list.
const MAX_ITEMS: usize = 64;
/// The most parameters of an item or inner list.
const MAX_PARAMETERS: usize = 16;

pub(super) type Parameters<'a> = Vec<(&'a KeyRef, BareItemFromInput<'a>)>;

/// One member: an inner list, or a list of one item that is none.
#[derive(Debug)]
pub(super) struct Member<'a> {
    pub(super) key: &'a KeyRef,
    pub(super) is_list: bool,
    pub(super) items: Vec<Item<'a>>,
    /// Of the inner list.
    pub(super) parameters: Parameters<'a>,
}

impl<'a> Member<'a> {
    /// The inner list's parameter `name`.
    pub(super) fn parameter(&self, name: &str) -> Option<&BareItemFromInput<'a>> {
        self.parameters.iter().find(|(key, _)| key.as_str() == name).map(|(_, value)| value)
    }
}

#[derive(Debug)]
pub(super) struct Item<'a> {
    pub(super) value: BareItemFromInput<'a>,
    pub(super) parameters: Parameters<'a>,
}

/// The text of a field: its lines joined by commas (RFC 9110 section 5.3); `None` if there is no such field.
pub(super) fn text(headers: &HeaderMap, name: &'static str) -> Result<Option<String>, ParseError> {
    let mut joined: Option<String> = None;
    for line in headers.get_all(name) {
        let line = line.to_str().map_err(|_| ParseError::value(name, "not ASCII"))?;
        match &mut joined {
            None => joined = Some(line.to_owned()),
            Some(text) => {
                text.push_str(", ");
                text.push_str(line);
            }
        }
        if joined.as_ref().is_some_and(|text| text.len() > MAX_FIELD) {
            return Err(ParseError::TooLong { limit: MAX_FIELD });
        }
    }
    Ok(joined)
}

/// Parses the text of the field `name`.
pub(super) fn parse<'a>(name: &'static str, text: &'a str) -> Result<Vec<Member<'a>>, ParseError> {
    if text.len() > MAX_FIELD {
        return Err(ParseError::TooLong { limit: MAX_FIELD });
    }
    let mut state = State::default();
    match Parser::new(text).with_version(Version::Rfc8941).parse_dictionary_with_visitor(Reader(&mut state)) {
        Ok(()) => Ok(state.members),
        Err(_) => Err(ParseError::value(name, state.refused.unwrap_or("not a structured field dictionary"))),
    }
}

#[derive(Default)]
struct State<'a> {
    members: Vec<Member<'a>>,
    refused: Option<&'static str>,
}

impl<'a> State<'a> {
    fn refuse(&mut self, reason: &'static str) -> Refused {
        self.refused = Some(reason);
        Refused
    }

    fn item(&mut self, value: BareItemFromInput<'a>) -> Result<(), Refused> {
        match self.members.last_mut() {
            Some(member) if member.items.len() < MAX_ITEMS => {
                member.items.push(Item { value, parameters: Parameters::new() });
                Ok(())
            }
            _ => Err(self.refuse("more than 64 items in a list")),
        }
    }

    fn parameter(&mut self, of_list: bool, key: &'a KeyRef, value: BareItemFromInput<'a>) -> Result<(), Refused> {
        let member = self.members.last_mut();
        let parameters =
            member.and_then(
                |member| if of_list { Some(&mut member.parameters) } else { Some(&mut member.items.last_mut()?.parameters) },
            );
        match parameters {
            Some(parameters) if parameters.iter().any(|(known, _)| *known == key) => Err(self.refuse("a parameter twice")),
            Some(parameters) if parameters.len() < MAX_PARAMETERS => {
                parameters.push((key, value));
                Ok(())
            }
            _ => Err(self.refuse("more than 16 parameters")),
        }
    }
}

#[derive(Debug)]
struct Refused;

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("refused")
    }
}

impl core::error::Error for Refused {}

/// Reads whatever comes next into the last member.
struct Reader<'s, 'a>(&'s mut State<'a>);

/// Reads parameters: of the inner list, or of its last item.
struct ParameterReader<'s, 'a> {
    state: &'s mut State<'a>,
    of_list: bool,
}

impl<'a> DictionaryVisitor<'a> for Reader<'_, 'a> {
    type Out = ();
    type Error = Refused;

    fn entry(&mut self, key: &'a KeyRef) -> Result<impl EntryVisitor<'a>, Refused> {
        if self.0.members.iter().any(|member| member.key == key) {
            return Err(self.0.refuse("a key twice"));
        }
        if self.0.members.len() >= MAX_MEMBERS {
            return Err(self.0.refuse("more than 8 members"));
        }
        self.0.members.push(Member { key, is_list: false, items: Vec::new(), parameters: Parameters::new() });
        Ok(Reader(self.0))
    }

    fn finish(self) -> Result<(), Refused> {
        Ok(())
    }
}

impl<'a> EntryVisitor<'a> for Reader<'_, 'a> {
    type Error = Refused;

    fn item(self) -> Result<impl ItemVisitor<'a>, Refused> {
        Ok(self)
    }

    fn inner_list(self) -> Result<impl InnerListVisitor<'a>, Refused> {
        if let Some(member) = self.0.members.last_mut() {
            member.is_list = true;
        }
        Ok(self)
    }
}

impl<'a> InnerListVisitor<'a> for Reader<'_, 'a> {
    type Error = Refused;

    fn item(&mut self) -> Result<impl ItemVisitor<'a>, Refused> {
        Ok(Reader(self.0))
    }

    fn finish(self) -> Result<impl ParameterVisitor<'a>, Refused> {
        Ok(ParameterReader { state: self.0, of_list: true })
    }
}

impl<'a> ItemVisitor<'a> for Reader<'_, 'a> {
    type Out = ();
    type Error = Refused;

    fn bare_item(self, value: BareItemFromInput<'a>) -> Result<impl ParameterVisitor<'a, Out = ()>, Refused> {
        self.0.item(value)?;
        Ok(ParameterReader { state: self.0, of_list: false })
    }
}

impl<'a> ParameterVisitor<'a> for ParameterReader<'_, 'a> {
    type Out = ();
    type Error = Refused;

    fn parameter(&mut self, key: &'a KeyRef, value: BareItemFromInput<'a>) -> Result<(), Refused> {
        self.state.parameter(self.of_list, key, value)
    }

    fn finish(self) -> Result<(), Refused> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn reason(text: &str) -> &'static str {
        match parse("`X`", text) {
            Err(ParseError::Value { reason, .. }) => reason,
            _ => "none",
        }
    }

    #[test]
    fn a_key_twice_is_refused_wherever_it_stands() {
        assert_eq!(reason("a=1, b=2, a=1"), "a key twice");
        assert_eq!(reason("a=1;x;y;x"), "a parameter twice");
        assert_eq!(reason("a=(\"m\";req;req)"), "a parameter twice");
        assert_eq!(reason("a=(\"m\");x=1;x=2"), "a parameter twice");
        assert!(parse("`X`", "a=(\"m\";x \"n\";x);x, b=1;x").is_ok());
    }

    #[test]
    fn sizes_are_bounded() {
        let members = |n: usize| (0..n).map(|i| format!("k{i}")).collect::<Vec<_>>().join(", ");
        assert!(parse("`X`", &members(MAX_MEMBERS)).is_ok());
        assert_eq!(reason(&members(MAX_MEMBERS + 1)), "more than 8 members");
        let items = |n: usize| format!("a=({})", vec!["\"m\""; n].join(" "));
        assert!(parse("`X`", &items(MAX_ITEMS)).is_ok());
        assert_eq!(reason(&items(MAX_ITEMS + 1)), "more than 64 items in a list");
        let parameters = |n: usize| format!("a{}", (0..n).map(|i| format!(";k{i}")).collect::<String>());
        assert!(parse("`X`", &parameters(MAX_PARAMETERS)).is_ok());
        assert_eq!(reason(&parameters(MAX_PARAMETERS + 1)), "more than 16 parameters");
        let long = format!("a=\"{}\"", "x".repeat(MAX_FIELD));
        assert_eq!(parse("`X`", &long).unwrap_err(), ParseError::TooLong { limit: MAX_FIELD });
    }

    #[test]
    fn lines_are_joined_and_bounded_together() {
        let mut headers = HeaderMap::new();
        assert_eq!(text(&headers, "x"), Ok(None));
        headers.append("x", "a=1".parse().unwrap());
        headers.append("x", "b=2".parse().unwrap());
        assert_eq!(text(&headers, "x"), Ok(Some("a=1, b=2".into())));
        headers.append("x", "c".repeat(MAX_FIELD).parse().unwrap());
        assert_eq!(text(&headers, "x"), Err(ParseError::TooLong { limit: MAX_FIELD }));
    }

    proptest! {
        #[test]
        fn no_text_makes_the_reader_panic(text in "[ -~]{0,80}") {
            let _ = parse("`X`", &text);
        }

        #[test]
        fn what_we_accept_another_reader_reads_alike(text in "[a-c=();\" ,:?01*]{0,40}") {
            if let Ok(members) = parse("`X`", &text) {
                let theirs: sfv::Dictionary = Parser::new(&text).with_version(Version::Rfc8941).parse().unwrap();
                prop_assert_eq!(members.len(), theirs.len());
            }
        }
    }
}
