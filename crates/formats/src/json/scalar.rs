//! Numbers, booleans and null.

use super::{Broken, Got};

/// A number, boolean or null.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Scalar {
    /// `null`, and what writers put for lack of a number: `NaN`, `Infinity`, `undefined`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A finite number.
    Number(f64),
}

/// The value of a word; what no writer writes is broken.
pub(super) fn of(word: &str) -> Got<Scalar> {
    match word {
        "true" | "True" => return Ok(Scalar::Bool(true)),
        "false" | "False" => return Ok(Scalar::Bool(false)),
        "null" | "None" | "undefined" => return Ok(Scalar::Null),
        _ => {}
    }
    let number = word.parse::<f64>();
    let number = number.map_err(|_not_a_number| Broken::Bad("neither a value nor a number"))?;
    Ok(if number.is_finite() {
        Scalar::Number(number)
    } else {
        Scalar::Null
    })
}
