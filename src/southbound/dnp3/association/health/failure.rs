//! What the failure of a request says of the outstation, and what it does not.

use dnp3::master::TaskError;

/// What the failure of a task says of the outstation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// It did not answer.
    Silence,
    /// It answered, but not with what was asked for.
    Answered,
    /// Nothing: it was not asked, or the connection broke.
    NotAsked,
}

impl Failure {
    /// Reads a failure.
    pub const fn of(error: TaskError) -> Self {
        match error {
            TaskError::ResponseTimeout => Self::Silence,
            TaskError::TooManyRequests
            | TaskError::Link(_)
            | TaskError::WriteError
            | TaskError::BadEncoding(_)
            | TaskError::NoSuchAssociation(_)
            | TaskError::NoConnection
            | TaskError::Shutdown
            | TaskError::Disabled => Self::NotAsked,
            _ => Self::Answered,
        }
    }
}
