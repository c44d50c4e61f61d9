//! `statec schema`

use clap::{Args, ValueEnum};
use statec::schema;

use super::{Failure, Output};

/// Print the JSON Schema of fragments or policies, for editors
#[derive(Debug, Args)]
pub(crate) struct Schema {
    /// Of which kind of file
    #[arg(value_enum, default_value_t = Of::Fragment)]
    of: Of,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Of {
    Fragment,
    Policy,
}

impl Schema {
    pub(crate) fn run(&self) -> Result<Output, Failure> {
        let schema = match self.of {
            Of::Fragment => schema::of_fragments(),
            Of::Policy => schema::of_policies(),
        };
        let stdout = serde_json::to_string_pretty(&schema)? + "\n";
        Ok(Output { stdout, stderr: String::new(), status: 0 })
    }
}
