//! The part of GitHub's expressions that the shipped workflows and `action.yml` use. What is unknown is a panic, never an empty text.

use serde_json::Value;

/// Replaces every `${{ … }}` in a text.
pub(crate) fn interpolate(text: &str, context: &Value) -> String {
    let mut parts = text.split("${{");
    let mut result = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (expression, rest) = part.split_once("}}").expect("`${{` is closed");
        result.push_str(&shown(&evaluate(expression, context)));
        result.push_str(rest);
    }
    result
}

/// Whether an `if:` holds; one that asks nothing of the job's state also needs success so far.
pub(crate) fn holds(condition: Option<&str>, context: &Value) -> bool {
    let condition = condition.unwrap_or("success()").trim();
    let bare = condition
        .strip_prefix("${{")
        .and_then(|rest| rest.strip_suffix("}}"));
    let bare = bare.unwrap_or(condition);
    let asks = ["success()", "failure()", "always()", "cancelled()"];
    let state = asks.iter().any(|function| bare.contains(function))
        || truth(&evaluate("success()", context));
    state && truth(&evaluate(bare, context))
}

/// The value of an expression.
pub(crate) fn evaluate(expression: &str, context: &Value) -> Value {
    let tokens = tokens(expression);
    let mut parser = Parser {
        tokens: &tokens,
        context,
    };
    let value = parser.or();
    assert!(parser.tokens.is_empty(), "what follows in `{expression}`?");
    value
}

struct Parser<'a> {
    tokens: &'a [String],
    context: &'a Value,
}

impl Parser<'_> {
    fn or(&mut self) -> Value {
        let mut value = self.and();
        while self.take("||") {
            let other = self.and();
            value = if truth(&value) { value } else { other };
        }
        value
    }

    fn and(&mut self) -> Value {
        let mut value = self.comparison();
        while self.take("&&") {
            let other = self.comparison();
            value = if truth(&value) { other } else { value };
        }
        value
    }

    fn comparison(&mut self) -> Value {
        let value = self.one();
        if self.take("==") {
            return Value::Bool(equal(&value, &self.one()));
        }
        if self.take("!=") {
            return Value::Bool(!equal(&value, &self.one()));
        }
        value
    }

    fn one(&mut self) -> Value {
        if self.take("!") {
            return Value::Bool(!truth(&self.one()));
        }
        if self.take("(") {
            let value = self.or();
            assert!(self.take(")"), "a parenthesis is not closed");
            return value;
        }
        let token = self.next();
        if let Some(text) = token.strip_prefix('\'') {
            return text.into();
        }
        match token.as_str() {
            "true" | "false" => (token == "true").into(),
            "null" => Value::Null,
            _ if self.take("(") => self.call(&token),
            _ => self.look_up(&token),
        }
    }

    fn call(&mut self, function: &str) -> Value {
        let mut arguments = Vec::new();
        while !self.take(")") {
            arguments.push(self.or());
            self.take(",");
        }
        let failed = truth(&self.context["failed"]);
        match (function, arguments.as_slice()) {
            ("always", []) => true.into(),
            ("cancelled", []) => false.into(),
            ("success", []) => (!failed).into(),
            ("failure", []) => failed.into(),
            ("toJSON", [value]) => value.to_string().into(),
            ("endsWith", [text, end]) => shown(text).ends_with(&shown(end)).into(),
            ("startsWith", [text, start]) => shown(text).starts_with(&shown(start)).into(),
            _ => panic!("this harness does not know {function}/{}", arguments.len()),
        }
    }

    /// A path such as `steps.sprag.outputs.json`; what a step did not set is empty, a context that is unknown is a mistake.
    fn look_up(&self, path: &str) -> Value {
        let mut keys = path.split('.');
        let root = keys.next().unwrap();
        let root = self.context.get(root);
        let root = root.unwrap_or_else(|| panic!("this harness does not know {path}"));
        keys.fold(root, |value, key| &value[key]).clone()
    }

    fn take(&mut self, token: &str) -> bool {
        let found = self.tokens.first().is_some_and(|next| next == token);
        if found {
            self.tokens = &self.tokens[1..];
        }
        found
    }

    fn next(&mut self) -> String {
        let token = self.tokens.first().expect("an expression goes on").clone();
        self.tokens = &self.tokens[1..];
        token
    }
}

/// Words, texts (with the opening quote) and signs.
fn tokens(expression: &str) -> Vec<String> {
    let mut rest = expression.trim();
    let mut tokens = Vec::new();
    while !rest.is_empty() {
        let length = length_of_token(rest);
        let (token, after) = rest.split_at(length);
        let quoted = token.strip_suffix('\'');
        tokens.push(quoted.unwrap_or(token).to_owned());
        rest = after.trim_start();
    }
    tokens
}

fn length_of_token(text: &str) -> usize {
    if let Some(quoted) = text.strip_prefix('\'') {
        return quoted.find('\'').expect("a text is closed") + 2;
    }
    let word = text.find(|c: char| !c.is_alphanumeric() && !"._-".contains(c));
    match word.unwrap_or(text.len()) {
        0 if ["||", "&&", "==", "!="].iter().any(|s| text.starts_with(s)) => 2,
        0 => 1,
        length => length,
    }
}

fn truth(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(value) => *value,
        Value::String(text) => !text.is_empty(),
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::Array(_) | Value::Object(_) => true,
    }
}

/// Nothing and the empty text are equal, and letters of either case.
fn equal(one: &Value, other: &Value) -> bool {
    shown(one).eq_ignore_ascii_case(&shown(other))
}

/// A value as text; nothing is the empty one.
pub(crate) fn shown(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{holds, interpolate};

    #[test]
    fn texts_take_values_of_contexts() {
        let context = json!({"matrix": {"os": "linux"}, "failed": false, "inputs": {}});
        let text = interpolate("job ${{ matrix.os }}, ${{ inputs.none || 'x' }}", &context);
        assert_eq!(text, "job linux, x");
    }

    #[test]
    fn a_condition_without_a_state_needs_success() {
        let context = |failed: bool| json!({"failed": failed, "github": {"event_name": "push"}});
        for (condition, after_success, after_failure) in [
            (None, true, false),
            (Some("github.event_name == 'push'"), true, false),
            (Some("${{ !cancelled() }}"), true, true),
            (
                Some("failure() && github.event_name != 'pull_request'"),
                false,
                true,
            ),
            (
                Some("always() && (github.none == '' && !github.none)"),
                true,
                true,
            ),
        ] {
            assert_eq!(holds(condition, &context(false)), after_success);
            assert_eq!(holds(condition, &context(true)), after_failure);
        }
    }
}
