use super::*;
use proptest::prelude::*;

fn root_text(xml: &str) -> String {
    Document::parse(xml.as_bytes()).unwrap().root().text().unwrap().to_owned()
}

fn refused(xml: &str) -> XmlError {
    Document::parse(xml.as_bytes()).unwrap_err()
}

#[test]
fn text_is_put_together_from_all_its_parts() {
    assert_eq!(root_text("<a> 1<!-- x -->2<![CDATA[<3>]]>&amp;&#x34;&#53;<?p q?>\r\n6 </a>"), "12<3>&45\n6");
    assert_eq!(root_text("<a>&lt;&gt;&quot;&apos;</a>"), "<>\"'");
}

#[test]
fn names_and_descriptions_are_of_bounded_length() {
    let labelled = |text: &str| {
        let xml = format!("<a>{text}</a>");
        Document::parse(xml.as_bytes()).unwrap().root().label().map(str::to_owned)
    };
    assert_eq!(labelled(&format!(" {} ", "ñ".repeat(256))).unwrap(), "ñ".repeat(256));
    assert_eq!(labelled(&"n".repeat(257)).unwrap_err().0, "a: has 257 characters; at most 256 are accepted");
    assert!(labelled("two\nlines").unwrap_err().0.contains("control characters"));
    let xml = format!("<a>{}</a>", "x".repeat(5000));
    let long = Document::parse(xml.as_bytes()).unwrap();
    assert_eq!(long.root().prose().unwrap_err().0, "a: has 5000 characters; at most 4096 are accepted");
}

#[test]
fn namespace_declarations_are_bounded_in_our_own_words() {
    let declared: String = (0..200).map(|n| format!(" xmlns:n{n}='u{n}'")).collect();
    let told = refused(&format!("<a{declared}/>")).to_string();
    assert_eq!(told, "line 1: more than 128 namespace declarations in scope");
}

#[test]
fn names_are_borrowed_and_namespaces_resolved() {
    let xml = "<x:a xmlns:x='http://iec.ch/TC57/2017/DERGroups#' xmlns='other'><b/><x:c/><b xmlns=''/></x:a>";
    let document = Document::parse(xml.as_bytes()).unwrap();
    let root = document.root();
    assert!(root.is(Namespace::Groups, "a"));
    let found: Vec<_> = root.children().map(|child| (child.namespace_uri(), child.local())).collect();
    assert_eq!(found, [("other", "b"), ("http://iec.ch/TC57/2017/DERGroups#", "c"), ("", "b")]);
    assert!(document.nodes.iter().all(|node| matches!(node.local, Cow::Borrowed(_))), "{document:?}");
}

#[test]
fn what_quick_xml_lets_pass_is_refused_here() {
    assert!(matches!(refused("<a><b></b>"), XmlError::Truncated(open) if open == "a"));
    assert!(matches!(refused("<a/>text"), XmlError::Trailing(1)));
    assert!(matches!(refused("text<a/>"), XmlError::Leading(1)));
    assert!(matches!(refused("\n<a/>\n<b/>"), XmlError::Trailing(3)));
    assert!(matches!(refused("<a><x:b/></a>"), XmlError::UnboundPrefix { prefix, .. } if prefix == "x"));
    assert!(matches!(refused("<a x:b=''/>"), XmlError::UnboundPrefix { .. }));
    assert!(refused("<a b='' b=''/>").to_string().contains("an attribute is given twice"));
    assert!(matches!(
        refused("<a xmlns:x='u' xmlns:y='u' x:b='' y:b=''/>"),
        XmlError::DuplicateAttribute { .. }
    ));
    assert!(matches!(refused("<!DOCTYPE a><a/>"), XmlError::Dtd(1)));
    assert!(matches!(refused("<a>\n&x;</a>"), XmlError::Entity { line: 2, .. }));
    assert!(matches!(refused("<a>&#1;</a>"), XmlError::Control { code: 1, .. }));
    assert!(matches!(refused("<a></b>"), XmlError::Syntax { .. }));
    assert!(matches!(refused("<a/><?xml version='1.0'?>"), XmlError::Syntax { .. }));
    assert!(matches!(refused("<?xml version='1.1'?><a/>"), XmlError::Version(_)));
    assert!(matches!(refused("<!-- only -->"), XmlError::Empty));
}

fn value<T>(text: &str, read: impl Fn(Element<'_>) -> Result<T, Invalid>) -> Result<T, Invalid> {
    let xml = format!("<a>{text}</a>");
    read(Document::parse(xml.as_bytes()).unwrap().root())
}

#[test]
fn simple_types_are_read_as_the_schema_writes_them() {
    for (text, expected) in [("true", true), ("1", true), (" false\n", false), ("0", false)] {
        assert_eq!(value(text, |e| e.boolean()), Ok(expected));
    }
    assert!(value("True", |e| e.boolean()).is_err());
    assert_eq!(value("+007", |e| e.integer()), Ok(7));
    assert!(value("7.0", |e| e.integer()).is_err());
    let large = value("99999999999999999999", |e| e.integer()).unwrap_err();
    assert!(large.0.contains("does not fit in 64 bits"), "{large}");
    assert_eq!(value("-1.5e3", |e| e.float()), Ok(-1500.0));
    assert_eq!(value("-INF", |e| e.float()), Ok(f64::NEG_INFINITY));
    assert!(value("NaN", |e| e.float()).unwrap().is_nan());
    for wrong in ["nan", "inf", "infinity", "1,5", "", "0x1", "1_0"] {
        assert!(value(wrong, |e| e.float()).is_err(), "{wrong}");
    }
}

#[test]
fn date_times_are_read_with_their_odd_ends() {
    for (text, offset, expected) in [
        ("2026-04-09T08:15:00Z", 0, "2026-04-09T08:15:00Z"),
        ("2026-04-09T08:15:00.123456789012-06:00", 0, "2026-04-09T14:15:00.123456789Z"),
        ("2026-04-09T24:00:00Z", 0, "2026-04-10T00:00:00Z"),
        ("2026-12-31T23:59:60Z", 0, "2027-01-01T00:00:00Z"),
        ("2026-04-09T08:15:00", 7200, "2026-04-09T06:15:00Z"),
        (" 2026-02-28T00:00:00+14:00 ", 0, "2026-02-27T10:00:00Z"),
    ] {
        let found = value(text, |element| element.date_time(offset));
        assert_eq!(found.map(|at| at.to_string()), Ok(expected.to_owned()), "{text}");
    }
    for wrong in [
        "2026-04-09",
        "2026-4-9T08:15:00Z",
        "2026-02-29T00:00:00Z",
        "2026-04-09T25:00:00Z",
        "2026-04-09T24:00:01Z",
        "2026-04-09T08:15Z",
        "2026-04-09T08:15:00.Z",
        "2026-04-09T08:15:00+1:00",
        "2026-04-09T08:15:00z",
        "9999-12-31T23:59:60Z",
        "now",
        "2026-04-09T08:15:00+15:00",
    ] {
        assert!(value(wrong, |element| element.date_time(0)).is_err(), "{wrong}");
    }
}

#[test]
fn what_is_written_is_read_back() {
    let text = "a<b>&\"c'\r\n\u{1}\u{FFFE}é";
    let mut out = write::Writer::document();
    out.leaf("a", text);
    let xml = out.finish();
    assert_eq!(root_text(&xml), "a<b>&\"c'\r\n\u{FFFD}\u{FFFD}é");
}

const VALID: &str = "<?xml version='1.0'?><s:Envelope xmlns:s='http://schemas.xmlsoap.org/soap/envelope/'><s:Body>\
<t:CreateDERGroups xmlns:t='http://iec.ch/TC57/2017/DERGroupsMessage' xmlns:m='http://iec.ch/TC57/2011/schema/message' \
xmlns:g='http://iec.ch/TC57/2017/DERGroups#'><t:Header><m:Verb>create</m:Verb><m:Noun>DERGroups</m:Noun></t:Header>\
<t:Payload><g:DERGroups><g:EndDeviceGroup><g:mRID>a&amp;b</g:mRID><g:version><g:date>2026-04-09T08:14:30Z</g:date>\
<g:major>1</g:major></g:version></g:EndDeviceGroup></g:DERGroups></t:Payload></t:CreateDERGroups></s:Body></s:Envelope>";

/// Reads as far as it goes: through the envelope and the noun.
fn read_all(bytes: &[u8]) {
    let Ok(document) = Document::parse(bytes) else { return };
    let Ok(body) = crate::northbound::envelope::body(document.root()) else { return };
    let Ok(message) = crate::northbound::envelope::Message::open(body) else { return };
    if let Ok(noun) = message.payload() {
        let _ = crate::northbound::groups::read_changes(noun, 0);
        let _ = crate::northbound::dispatches::read(noun, &crate::northbound::Settings::default());
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        read_all(&bytes);
    }

    #[test]
    fn markup_of_any_shape_is_read_or_refused(text in "[<>/&;a:='\"\\[\\]!? x#\\-C]{0,120}") {
        read_all(text.as_bytes());
    }

    #[test]
    fn damaged_messages_are_read_or_refused(
        at in 0..VALID.len(), length in 0_usize..40, with in proptest::collection::vec(any::<u8>(), 0..8)
    ) {
        let mut bytes = VALID.as_bytes().to_vec();
        let end = (at + length).min(bytes.len());
        bytes.splice(at..end, with);
        read_all(&bytes);
    }

    #[test]
    fn any_text_survives_writing(text in "\\PC*") {
        let mut out = write::Writer::document();
        out.leaf("a", &text);
        let xml = out.finish();
        let document = Document::parse(xml.as_bytes()).unwrap();
        prop_assert_eq!(document.root().raw_text(), text);
    }
}
