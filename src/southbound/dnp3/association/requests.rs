//! What is asked, as the stack takes it, and what becomes of it, in our words.

use crate::device_map::dnp3::{AnalogNumber, At, Operate, PointKind};
use crate::southbound::dnp3::field::{OperateError, Operation, Output, Part, ReadError, Refusal, Status};
use crate::southbound::dnp3::handler::Watch;
use dnp3::app::attr::{AnyAttribute, KnownAttribute, StringAttr};
use dnp3::app::control::{
    ControlCode, Group12Var1, Group41Var1, Group41Var2, Group41Var3, OpType, TripCloseCode,
};
use dnp3::app::{Iin, MaybeAsync, ResponseHeader, Variation};
use dnp3::master::{
    Classes, CommandBuilder, CommandError, CommandHeaders, CommandMode, CommandResponseError, CommandSupport,
    HeaderInfo, ReadHandler, ReadHeader, ReadRequest, ReadType, TaskError,
};
use std::sync::{Arc, Mutex, PoisonError};

/// More values than an outstation can have.
pub const MOST_VALUES: usize = 6 * 65_536;
/// Longest text of a device attribute that is taken.
const MOST_TEXT: usize = 128;

/// Everything: class 1, 2, 3 and 0.
pub fn everything() -> ReadRequest {
    ReadRequest::class_scan(Classes::all())
}

/// One request for all parts.
pub fn read(parts: &[Part]) -> ReadRequest {
    let mut headers = Vec::new();
    for part in parts {
        match *part {
            Part::Events => headers.extend(
                [Variation::Group60Var2, Variation::Group60Var3, Variation::Group60Var4]
                    .map(ReadHeader::all_objects),
            ),
            Part::Static => headers.push(ReadHeader::all_objects(Variation::Group60Var1)),
            Part::Range(kind, from, to) => {
                headers.push(ReadHeader::two_byte_range(any_variation(kind), from.min(to), from.max(to)));
            }
        }
    }
    ReadRequest::multiple_headers(&headers)
}

/// The group of a kind, in whatever variation the outstation likes.
const fn any_variation(kind: PointKind) -> Variation {
    match kind {
        PointKind::BinaryInput => Variation::Group1Var0,
        PointKind::DoubleBitInput => Variation::Group3Var0,
        PointKind::BinaryOutput => Variation::Group10Var0,
        PointKind::Counter => Variation::Group20Var0,
        PointKind::AnalogInput => Variation::Group30Var0,
        PointKind::AnalogOutput => Variation::Group40Var0,
    }
}

/// One request for all outputs; `None` if there are none.
///
/// # Errors
/// They cannot be in one request, or not at all.
pub fn operate(outputs: &[Operation]) -> Result<Option<(CommandMode, CommandHeaders)>, OperateError> {
    let Some(first) = outputs.first() else { return Ok(None) };
    if outputs.iter().any(|output| output.how != first.how) {
        let words = "outputs that are selected first and outputs that are not cannot be in one request";
        return Err(OperateError::NotSent(words.to_owned()));
    }
    let mut builder = CommandBuilder::new();
    for output in outputs {
        add(&mut builder, output)?;
    }
    let mode = match first.how {
        Operate::Select => CommandMode::SelectBeforeOperate,
        Operate::Direct => CommandMode::DirectOperate,
    };
    Ok(Some((mode, builder.build())))
}

fn add(builder: &mut CommandBuilder, output: &Operation) -> Result<(), OperateError> {
    let At { kind, index } = output.at;
    match (kind, output.value) {
        (PointKind::BinaryOutput, Output::Latch(on)) => {
            let latch = if on { OpType::LatchOn } else { OpType::LatchOff };
            builder.add_u16(Group12Var1::from_op_type(latch), index);
        }
        (PointKind::BinaryOutput, Output::Pulse { on, trip_close, ms }) => {
            let code = match (trip_close, on) {
                (false, true) => ControlCode::from_op_type(OpType::PulseOn),
                (false, false) => ControlCode::from_op_type(OpType::PulseOff),
                (true, true) => ControlCode::from_tcc_and_op_type(TripCloseCode::Close, OpType::PulseOn),
                (true, false) => ControlCode::from_tcc_and_op_type(TripCloseCode::Trip, OpType::PulseOn),
            };
            builder.add_u16(Group12Var1::new(code, 1, ms, ms), index);
        }
        (PointKind::AnalogOutput, Output::Number(value, number)) => match number {
            AnalogNumber::Int32 => builder.add_u16(Group41Var1::new(whole(output.at, value)?), index),
            AnalogNumber::Int16 => {
                let value = i16::try_from(whole(output.at, value)?)
                    .map_err(|_| does_not_fit(output.at, value, "a 16-bit output"))?;
                builder.add_u16(Group41Var2::new(value), index);
            }
            AnalogNumber::Float32 => builder.add_u16(Group41Var3::new(single(output.at, value)?), index),
        },
        (PointKind::BinaryOutput | PointKind::AnalogOutput, _) => {
            return Err(OperateError::NotSent(format!("{} cannot be set to this kind of value", output.at)));
        }
        _ => return Err(OperateError::NotSent(format!("{} is an input and cannot be operated", output.at))),
    }
    Ok(())
}

fn whole(at: At, value: f64) -> Result<i32, OperateError> {
    let rounded = value.round();
    if rounded >= f64::from(i32::MIN) && rounded <= f64::from(i32::MAX) {
        #[expect(clippy::cast_possible_truncation, reason = "it is whole, and the limits were checked")]
        return Ok(rounded as i32);
    }
    Err(does_not_fit(at, value, "a 32-bit output"))
}

fn single(at: At, value: f64) -> Result<f32, OperateError> {
    #[expect(clippy::cast_possible_truncation, reason = "the object holds no more digits")]
    let single = value as f32;
    if single.is_finite() { Ok(single) } else { Err(does_not_fit(at, value, "a short float")) }
}

fn does_not_fit(at: At, value: f64, what: &str) -> OperateError {
    OperateError::NotSent(format!("{value} does not fit into {at}, {what}"))
}

fn refusal(iin: Iin) -> Refusal {
    Refusal {
        no_function: iin.iin2.get_no_func_code_support(),
        object_unknown: iin.iin2.get_object_unknown(),
        parameter_error: iin.iin2.get_parameter_error(),
    }
}

/// Why a task of the stack failed, in words.
pub fn words(error: TaskError) -> String {
    match read_error(error) {
        // What is told of a task of the stack's own is always about an answer.
        ReadError::Broken(why) => why,
        other => other.to_string(),
    }
}

/// Why nothing was read.
pub fn read_error(error: TaskError) -> ReadError {
    match error {
        TaskError::ResponseTimeout => ReadError::Silent,
        TaskError::RejectedByIin2(iin) => ReadError::Refused(refusal(iin)),
        TaskError::MalformedResponse(why) => {
            ReadError::Broken(format!("an object in it is not known or not whole ({why})"))
        }
        TaskError::Link(_) => ReadError::NoConnection("the connection broke".to_owned()),
        TaskError::NoConnection
        | TaskError::Shutdown
        | TaskError::Disabled
        | TaskError::NoSuchAssociation(_) => ReadError::NoConnection("no connection".to_owned()),
        TaskError::WriteError | TaskError::BadEncoding(_) => {
            ReadError::Broken("the request is too long for one message".to_owned())
        }
        TaskError::TooManyRequests => ReadError::Broken("too many requests wait".to_owned()),
        other => ReadError::Broken(other.to_string()),
    }
}

/// Why an output was not operated. `sent`: the request may have been sent.
pub fn operate_error(error: CommandError, sent: bool) -> OperateError {
    let task = match error {
        CommandError::Task(task) | CommandError::Response(CommandResponseError::Request(task)) => task,
        CommandError::Response(CommandResponseError::BadStatus(status)) => {
            return OperateError::Status(Status(status.as_u8()));
        }
        CommandError::Response(other) => return OperateError::Broken(other.to_string()),
    };
    if !sent {
        return OperateError::NotSent(match read_error(task) {
            ReadError::Broken(why) => why,
            other => other.to_string(),
        });
    }
    match read_error(task) {
        ReadError::Refused(refusal) => OperateError::Refused(refusal),
        ReadError::Broken(why) => OperateError::Broken(why),
        ReadError::Silent | ReadError::NoConnection(_) => OperateError::NoAnswer,
    }
}

/// Reads one device attribute.
pub struct Text {
    pub watch: Arc<Watch>,
    pub wanted: StringAttr,
    pub found: Arc<Mutex<Option<String>>>,
}

impl ReadHandler for Text {
    fn end_fragment(&mut self, _: ReadType, header: ResponseHeader) -> MaybeAsync<()> {
        self.watch.fragment(header.iin);
        MaybeAsync::ready(())
    }

    fn handle_device_attribute(&mut self, _: HeaderInfo, attribute: AnyAttribute) {
        if let AnyAttribute::Known(KnownAttribute::String(which, text)) = attribute
            && which == self.wanted
        {
            let text: String =
                text.trim_matches(|c: char| c.is_whitespace() || c == '\0').chars().take(MOST_TEXT).collect();
            *self.found.lock().unwrap_or_else(PoisonError::into_inner) =
                Some(text).filter(|text| !text.is_empty());
        }
    }
}
