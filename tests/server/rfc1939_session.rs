//! RFC 1939 §10: the example session.

use crate::common::{Server, Store};

#[test]
fn the_example_session_of_the_rfc_goes_as_printed() {
    let store = Store::example();
    let mut server = Server::new(&store);
    assert_eq!(server.send(""), "+OK POP3 server ready\r\n");
    server.log_in();
    assert_eq!(server.send("STAT\r\n"), "+OK 2 320\r\n");
    assert_eq!(server.send("LIST\r\n"), "+OK scan listing follows\r\n1 120\r\n2 200\r\n.\r\n");
    let body = server.send("RETR 1\r\n");
    assert!(body.starts_with("+OK message follows\r\nSubject: hi\r\n"), "{body}");
    assert!(body.ends_with("x\r\n.\r\n"), "{body}");
    assert_eq!(server.send("DELE 1\r\n"), "+OK message marked as deleted\r\n");
    server.send("RETR 2\r\nDELE 2\r\n");
    assert_eq!(server.send("QUIT\r\n"), "+OK marked messages removed, bye\r\n");
    assert_eq!(store.removed(), [1, 2]);
}
