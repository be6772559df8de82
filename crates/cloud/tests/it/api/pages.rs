//! What the program tells about itself.

use super::{Who, World};
use crate::service::run;

#[test]
fn a_problem_says_where_it_is_described_and_by_which_id_the_operator_finds_it() {
    run(async {
        let world = World::new().await;
        let answer = world.get(&Who::Nobody, "/api/v1/me").await;
        let problem = answer.json();
        assert_eq!(
            problem["request_id"].as_str(),
            answer.header("x-request-id")
        );
        let described = world
            .get(&Who::Nobody, problem["type"].as_str().unwrap())
            .await;
        assert_eq!(described.status, 200);
        assert!(described.text.contains("Sign in, or send a token"));
        let unknown = world.get(&Who::Nobody, "/problems/%3Cscript%3E").await;
        assert_eq!(unknown.status, 404);
        assert!(!unknown.text.contains("<script"));
        world.stop().await;
    });
}

#[test]
fn the_documentation_comes_from_the_program_and_asks_nobody_else() {
    run(async {
        let world = World::new().await;
        let page = world.get(&Who::Nobody, "/api/docs").await;
        assert_eq!(page.status, 200);
        assert!(page.text.contains("/api/v1/sites/{site}/telemetry"));
        let policy = page.header("content-security-policy").unwrap();
        assert!(
            policy.starts_with("default-src 'none'; style-src 'self'"),
            "{policy}"
        );
        let style = world.get(&Who::Nobody, "/api/docs/pages.css").await;
        assert!(
            style
                .header("content-type")
                .unwrap()
                .starts_with("text/css")
        );
        for path in ["/api/docs", "/api/v1/me", "/healthz", "/nowhere"] {
            let answer = world.get(&Who::Nobody, path).await;
            assert_eq!(
                answer.header("x-content-type-options"),
                Some("nosniff"),
                "{path}"
            );
            let policy = answer.header("content-security-policy").unwrap();
            assert!(policy.contains("frame-ancestors 'none'"), "{path}");
        }
        world.stop().await;
    });
}
