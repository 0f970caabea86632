//! Each fault that a map can have, in the words that a technician reads.

use super::{POINT, wrong};

/// Each text has a fault with these words.
fn each(cases: &[(&str, &str)]) {
    for (text, why) in cases {
        let faults = wrong(text);
        assert!(faults.contains(why), "{text}\nwanted: {why}\ngot: {faults}");
    }
}

/// A step of a limit with what comes behind `write = "AO88"`; a release is there.
fn limit(step: &str) -> String {
    format!(
        "{POINT}[[point]]\nname = \"flag\"\nat = \"BI9\"\n[[command]]\nname = \"limit_active_power\"\nsteps = [{step}]\n\
         release = [{{ write = \"BO17\", reads = \"BI69\", value = \"off\" }}]\n"
    )
}

#[test]
fn of_the_map_as_a_whole() {
    each(&[
        ("", "kind \"dnp3\" needs points; add [[point]] with name = \"p\" and at = \"AI0\", or extends"),
        ("colour = 1\n", "this file has no key \"colour\""),
        ("[match]\nmodel = \"A\"\n", "5:2: kind \"dnp3\" has no [match]; it is for Modbus devices"),
        ("[sunspec]\n", "kind \"dnp3\" has no [sunspec]"),
        ("[defaults]\n", "kind \"dnp3\" has no [defaults]"),
        ("[[procedure]]\nname = \"a\"\n", "kind \"dnp3\" has no [[procedure]]"),
        ("profile = \"an2018-01\"\n", "profile \"an2018-01\" is not known; did you mean \"an2018-001\"?"),
    ]);
}

/// A map that lacks points for another reason is told that reason alone.
#[test]
fn what_follows_from_another_fault_is_not_told() {
    for text in [
        "[[point]]\nname = 5\nat = \"AI1\"\n",
        "point = [1]\n",
        "[point]\n",
        "extends = 5\n",
        "extends = \"dnp3-an\"\n",
    ] {
        let faults = wrong(text);
        assert!(!faults.contains("needs points"), "{text}\n{faults}");
    }
}

#[test]
fn of_link_control_quality_and_identify() {
    each(&[
        (
            "[link]\ntransports = [\"rtu\"]\n",
            "transport \"rtu\" is not known; there is \"tcp\", \"tls\", \"serial\"",
        ),
        ("[link]\ntransports = []\n", "transports is empty"),
        ("[link]\ntransports = [\"tcp\", \"tcp\"]\n", "transports names \"tcp\" twice"),
        ("[link]\nunits = [1]\n", "[link] has no key \"units\""),
        ("[link]\nresponse_timeout_ms = 1\n", "response_timeout_ms"),
        ("[link]\nlost_after_answers = 0\n", "lost_after_answers"),
        ("[link]\ntime_sync = \"ntp\"\n", "time_sync \"ntp\" is not known"),
        ("[link]\nunsolicited = \"on\"\n", "unsolicited \"on\" is not known"),
        ("[link]\nread = \"all\"\n", "read \"all\" is not known"),
        ("[link]\nintegrity_s = 1\n", "integrity_s"),
        ("[link]\nserial = { data = 7 }\n", "data = 7 is for Modbus ASCII"),
        ("[control]\nanalog = \"sbo\"\n", "analog \"sbo\" is not known; there is \"select\", \"direct\""),
        ("[control]\nbatch = 21\n", "batch"),
        ("[control]\nnumber = \"int64\"\n", "number \"int64\" is not known"),
        ("[control]\nswitch = \"close\"\n", "switch \"close\" is not known; there is \"latch\""),
        ("[control]\npulse_ms = 0\n", "pulse_ms must be 1 to 60000"),
        ("[quality]\nnull_raw = [\"x\"]\n", "null_raw"),
        ("[quality]\nonline = true\n", "[quality] has no key \"online\""),
        ("[identify]\nany_of = [1]\n", "[identify] has no at; add at = \"AI0\""),
        ("[identify]\nat = \"AI0\"\nany_of = []\n", "any_of needs at least one raw value"),
    ]);
}

#[test]
fn of_points() {
    let point = |keys: &str| format!("[[point]]\nname = \"p\"\nat = \"AI1\"\n{keys}");
    each(&[
        ("[[point]]\nat = \"AI1\"\n", "[[point]] has no name"),
        ("[[point]]\nname = \"a b\"\nat = \"AI1\"\n", "a point name is 1 to 64 letters"),
        ("[[point]]\nname = \"p\"\n", "point \"p\" has no at; add at = \"AI537\""),
        (
            "[[point]]\nname = \"p\"\nat = \"IA1\"\n",
            "point \"p\": \"IA1\" is no address; write letters and an index from 0 to 65535",
        ),
        ("[[point]]\nname = \"p\"\nat = \"AI65536\"\n", "is no address"),
        (&point(&point("")), "the name \"p\" is already that of another point"),
        (&point("[[point]]\nname = \"q\"\nat = \"AI1\"\n"), "point \"q\" is at AI1, as is \"p\""),
        (&point("scale = 0\n"), "scale 0 would make every value 0"),
        (&point("quantity = \"power\"\n"), "quantity \"power\" is not known"),
        (&point("quantity = \"active_power\"\n"), "quantity active_power needs a unit"),
        (&point("quantity = \"active_power\"\nunit = \"V\"\n"), "unit \"V\" cannot be used"),
        (&point("quantity = \"serial\"\n"), "no point tells who an outstation is"),
        (&point("negate = true\n"), "negate says how a quantity is meant"),
        (
            "[[point]]\nname = \"p\"\nat = \"BI1\"\nquantity = \"active_power\"\nunit = \"W\"\n",
            "is a number, which its type is not",
        ),
        (&point("poll = \"often\"\n"), "poll \"often\" is not known"),
        (&point("enum = { a = \"b\" }\n"), "enum \"a\" is no raw value"),
        (&point("enum = { 1 = \"b\", 2 = \"b\" }\n"), "enum has the value 2 or the name \"b\" twice"),
        (&point("only_while = \"CTR27\"\n"), "only_while: CTR27 counts, which is not on or off"),
        (&point("alarm = \" \"\n"), "alarm has 1 to 200 characters"),
        (&point("blocks = \"\"\n"), "blocks has 1 to 200 characters"),
        (&point("adress = 1\n"), "[[point]] has no key \"adress\""),
        (
            &point(
                "unit = \"W\"\nquantity = \"active_power\"\n[[point]]\nname = \"q\"\nat = \"AI2\"\nunit = \"W\"\nquantity = \"active_power\"\n",
            ),
            "points \"p\" and \"q\" both report active_power",
        ),
        ("[[shift]]\npoints = \"AI1..BI2\"\nby = 1\n", "\"AI1..BI2\" is no block of points"),
        ("[[shift]]\npoints = \"AI2..AI1\"\nby = 1\n", "is no block of points"),
        ("[[shift]]\npoints = \"AI1..AI2\"\nby = 0\n", "by = 0 moves nothing"),
        ("[[shift]]\npoints = \"AI1..AI2\"\nby = -2\n", "AI1..2 by -2 is -1 to 0, beyond 0 to 65535"),
        (
            "[[shift]]\npoints = \"AI1..AI9\"\nby = 9\n[[shift]]\npoints = \"AI5\"\nby = 1\n",
            "an address is moved once",
        ),
    ]);
}

#[test]
fn of_steps() {
    let step = |keys: &str| limit(&format!("{{ write = \"AO88\", {keys} }}"));
    let input = "reads = \"AI149\", from = \"input\"";
    each(&[
        (
            &limit("{ write = \"AI88\", reads = [], from = \"input\" }"),
            "step 1 writes AI88, which only reports",
        ),
        (&step("from = \"input\""), "has no reads; add reads = \"AI149\", or reads = [] if no point shows"),
        (&step("reads = \"BI1\", from = \"input\""), "BI1 cannot show what is written to AO88"),
        (&step("reads = [\"AI1\", \"AI1\"], from = \"input\""), "reads names AI1 twice"),
        (&step("reads = []"), "needs either from = \"input\" or value"),
        (&step(&format!("{input}, value = 1")), "needs either from = \"input\" or value"),
        (&step("reads = [], from = \"inptu\""), "from \"inptu\" is not known; did you mean \"input\"?"),
        (&step("reads = [], from = \"ramp_up\""), "from \"ramp_up\" is not part of what is asked here"),
        (
            &step(&format!("{input}, percent_of = \"ratde\"")),
            "there is no point \"ratde\"; did you mean \"rated\"?",
        ),
        (&step(&format!("{input}, percent_of = \"flag\"")), "\"flag\" is on or off; percent are of a number"),
        (&step(&format!("{input}, percent_of = []")), "percent_of names one or two points"),
        (
            &step("reads = [], value = 1, percent_of = \"rated\""),
            "percent_of goes with from = \"input\" only",
        ),
        (
            &step("reads = [], from = \"reversion\", percent_of = \"rated\""),
            "percent_of goes with from = \"input\" only",
        ),
    ]);
}

#[test]
fn of_values_and_the_order_of_steps() {
    let step = |keys: &str| limit(&format!("{{ write = \"AO88\", {keys} }}"));
    let input = "reads = \"AI149\", from = \"input\"";
    each(&[
        (&step(&format!("{input}, min = 0")), "min and max go together"),
        (&step(&format!("{input}, min = 2, max = 1")), "min 2 over max 1; exchange them"),
        (&step(&format!("{input}, scale = 0")), "scale 0 would make"),
        (
            &step(&format!("{input}, min = 0, max = 3e9")),
            "3000000000 is the raw value 3000000000, beyond what AO88 takes",
        ),
        (&step("reads = [], value = 3e9"), "beyond what AO88 takes"),
        (&step(&format!("{input}, operate = \"sbo\"")), "operate"),
        (&step(&format!("{input}, within_s = 0")), "within_s"),
        (
            &limit("{ write = \"BO1\", reads = [], value = 2 }"),
            "BO1 is on or off; write value = \"on\" or \"off\"",
        ),
        (
            &limit("{ write = \"BO1\", reads = [], value = \"yes\" }"),
            "value \"yes\" is not known; there is \"on\", \"off\"",
        ),
        (&limit("{ write = \"BO1\", reads = [], value = 1, scale = 2 }"), "leave out scale, min and max"),
        (&limit("{ write = \"BO1\", reads = [], from = \"input\" }"), "BO1 is on or off"),
        (&limit(""), "this list is empty"),
        (
            &limit("{ write = \"AO1\", reads = [], value = 1 }"),
            "never writes what is asked; one step needs from = \"input\"",
        ),
        (
            &limit(
                "{ write = \"BO17\", reads = [], value = \"on\" }, { write = \"AO1\", reads = [], from = \"input\" }",
            ),
            "step 1 switches BO17 before step 2 writes a setting",
        ),
        (&limit(&"{ write = \"AO1\", reads = [], from = \"input\" }, ".repeat(41)), "more than 40 steps"),
        (&limit("5"), "step 1 must be a table; write [ { write = \"AO88\""),
        (
            &limit("{ write = \"AO1\", reads = [], from = \"input\", switch = \"pulse\" }"),
            "step 1: AO1 is a number, not a switch; leave switch out",
        ),
        (
            &limit("{ write = \"AO1\", reads = \"AI1\", from = \"input\", shows = \"off\" }"),
            "step 1: shows goes with a BO and value = \"on\" or \"off\"",
        ),
        (
            &limit("{ write = \"BO1\", reads = [], value = \"on\", shows = \"off\" }"),
            "step 1: shows says what reads is then, but reads is empty",
        ),
        (
            &limit("{ write = \"BO1\", reads = [], value = \"on\", switch = \"toggle\" }"),
            "switch = \"toggle\" is not known; write \"latch\" or \"pulse\" or \"trip-close\"",
        ),
    ]);
    // A number of 16 bits holds less.
    let small = format!("[control]\nnumber = \"int16\"\n{}", step("reads = [], value = 40000"));
    assert!(wrong(&small).contains("(-32768 to 32767)"), "{}", wrong(&small));
}

#[test]
fn of_commands() {
    let command = |name: &str, rest: &str| format!("{POINT}[[command]]\nname = \"{name}\"\n{rest}");
    let input = "steps = [{ write = \"AO88\", reads = [], from = \"input\" }]\n";
    let stop = "steps = [{ write = \"BO2\", reads = [], value = \"on\" }]\n";
    each(&[
        (&command("limit_power", input), "command \"limit_power\" is not known"),
        (&command("set_curve", input), "command \"set_curve\" is made of [[curve]]"),
        (&command("limit_active_power", ""), "has no steps; add steps"),
        (
            &command("limit_active_power", input),
            "has no release steps: the gateway could never undo it; add release",
        ),
        (&command("disconnect", stop), "add release, or a command \"connect\""),
        (&command("disconnect", &format!("{stop}supports = \"AI1\"\n")), "supports: AI1 is not on or off"),
        (
            &command(
                "limit_active_power",
                &format!("{input}release = [{{ write = \"AO1\", reads = [], from = \"input\" }}]\n"),
            ),
            "release step 1: nothing is asked here",
        ),
        (
            &command(
                "disconnect",
                &format!(
                    "{stop}effect = {{ quantity = \"active_power\", at_most = \"input\", within_s = 1 }}\n"
                ),
            ),
            "has no value that an effect could be compared with",
        ),
        (
            &command("connect", &format!("{stop}[[command]]\nname = \"connect\"\n{stop}")),
            "the name \"connect\" is already",
        ),
        (&command("connect", &format!("{stop}verify = []\n")), "[[command]] has no key \"verify\""),
    ]);
}

const CURVE: &str =
    "points = { type = 2, x_unit = 129, y_unit = 2, x_scale = 0.1, y_scale = 0.1, numbers = [1] }\n";
const FOLLOW: &str = "steps = [{ write = \"AO217\", reads = [], from = \"curve\" }]\n";
const UNDO: &str = "release = [{ write = \"BO29\", reads = [], value = \"off\" }]\n";
const FIRST: &str = "{ write = \"AO249\", read = \"AI333\" }";

/// A curve, without a point and a window.
fn bare(kind: &str, rest: &str) -> String {
    format!("[[curve]]\nkind = \"{kind}\"\n{rest}")
}

/// A volt-var curve whose `points` have something else in them.
fn with(old: &str, new: &str) -> String {
    format!("{POINT}{}", bare("volt-var", &format!("{}{FOLLOW}{UNDO}", CURVE.replace(old, new))))
}

/// A window, and what comes behind it.
fn window(first: &str, more: &str) -> String {
    let part = |(k, key): (usize, &str)| {
        format!("{key} = {{ write = \"AO{}\", read = \"AI{}\" }}\n", k + 244, k + 328)
    };
    let parts: String =
        ["select", "type", "count", "x_unit", "y_unit"].into_iter().enumerate().map(part).collect();
    format!("{POINT}[curve_window]\n{parts}first = {first}\n{more}")
}

#[test]
fn of_curves() {
    let curve = |kind: &str, rest: &str| format!("{POINT}{}", bare(kind, rest));
    let enable = "steps = [{ write = \"BO29\", reads = [], value = \"on\" }]\n";
    let all = format!("{CURVE}{FOLLOW}{UNDO}");
    each(&[
        (&curve("volt-vars", &all), "curve \"volt-vars\" is not known; did you mean \"volt-var\"?"),
        (&curve("volt-var", &all), "has points, so the map needs a [curve_window]"),
        (&curve("volt-var", &format!("{CURVE}{FOLLOW}")), "has no release steps"),
        (&curve("low-voltage-trip", &all), "a protection is never switched off from afar"),
        (&curve("volt-var", &format!("{CURVE}{UNDO}{enable}")), "never says which curve to follow"),
        (
            &curve("volt-var", &format!("{FOLLOW}{UNDO}")),
            "needs points = { … }; only \"freq-watt\" can be a droop",
        ),
        (&curve("freq-watt", &format!("{FOLLOW}{UNDO}")), "one step needs from = \"droop_over_band\""),
        (&with("[1]", "[]"), "numbers has 1 to 20 curves"),
        (&with("[1]", "[1, 1]"), "numbers has 1 twice"),
        (&with("[1]", "[0]"), "numbers"),
        (&with("type = 2, ", ""), "has no type; add type = 2"),
        (&with("x_scale = 0.1", "x_scale = 0"), "scale 0 would make"),
        (&with("numbers", "y_percent_of = \"nominal\", numbers"), "there is no point \"nominal\""),
        (&with("numbers", "exactly = true, numbers"), "has no key \"exactly\""),
    ]);
}

#[test]
fn of_the_curve_window() {
    let all = format!("{CURVE}{FOLLOW}{UNDO}");
    let (var, watt) = (bare("volt-var", &all), bare("volt-watt", &all));
    each(&[
        (&window(FIRST, &format!("locked_while_followed = true\n{var}")), "numbers needs a second one"),
        (
            &window(FIRST, &format!("{var}{watt}")),
            "curve \"volt-watt\" has number 1, which is \"volt-var\"'s",
        ),
        (&window("{ write = \"AO248\", read = \"AI333\" }", ""), "two of its parts are at the same index"),
        (&window("{ write = \"AO65500\", read = \"AI333\" }", ""), "run past index 65535"),
        (&window("{ write = \"AI249\", read = \"AI333\" }", ""), "first: write is AI249, but must be an AO"),
        (&window(FIRST, "max_points = 0\n"), "max_points"),
        (&window(FIRST, "referenced = \"AI1\"\n"), "referenced: AI1 is not on or off"),
        (&format!("{POINT}[curve_window]\n"), "[curve_window] has no select; add select"),
    ]);
}
