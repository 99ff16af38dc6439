//! How the columns that a table fills can differ from those of its contract.

use crate::error::Error;
use arrow::datatypes::DataType;

/// A column that the table and its contract do not agree on. `column` is its name after that of the table.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Mismatch {
    /// The contract has it, and the table does not fill it.
    #[error("nothing fills the column {column} of the contract")]
    NotFilled {
        /// The column.
        column: String,
    },
    /// The table fills it, and the contract does not have it.
    #[error("the contract has no column {column}")]
    NotInContract {
        /// The column.
        column: String,
    },
    /// The table fills it twice.
    #[error("the column {column} is filled twice")]
    Twice {
        /// The column.
        column: String,
    },
    /// The values are not of the contract's type.
    #[error("the column {column} is {contract} in the contract, and is filled with {filled}")]
    Type {
        /// The column.
        column: String,
        /// Its type in the contract.
        contract: String,
        /// The type of the values.
        filled: DataType,
    },
}

impl Mismatch {
    /// The contract is compiled in, so it is a fault of the program: whoever changed one of the two forgot the other.
    pub(super) fn into_fault(self) -> Error {
        Error::Fault {
            what: self.to_string(),
        }
    }
}
