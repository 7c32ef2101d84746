//! Comments: kept, limited, paged, allowed.

use fake_github::{FakeGithub, Options};
use serde_json::json;

use crate::client::Client;

#[test]
fn a_comment_is_kept_until_it_is_deleted() {
    let github = FakeGithub::start(Options::default());
    let shop = github.repo("acme/shop");
    let number = shop.add_pull("feature");
    let client = Client::new(&github.url(), &github.token(&["issues: write"]));
    let list = format!("/repos/acme/shop/issues/{number}/comments");
    let made = client.call("POST", &list, &json!({"body": "hello"}));
    assert_eq!(made.status, 201, "{}", made.json());
    let url = made.json()["url"].as_str().unwrap().to_owned();
    assert_eq!(made.header("location"), url);
    assert_eq!(
        client.get(&list).json()[0]["user"]["login"],
        "github-actions[bot]"
    );
    assert_eq!(
        client.call("PATCH", &url, &json!({"body": "bye"})).json()["body"],
        "bye"
    );
    assert_eq!(client.call("DELETE", &url, &json!(null)).status, 204);
    assert_eq!(client.get(&url).status, 404);
    assert!(shop.comments(number).is_empty());
    github.assert_clean();
}
