from pathlib import Path

from serve_app.embedded.kafka_properties import Secured, as_text, server_properties

FOLDER = Path("data")


def test_every_listener_is_on_loopback():
    told = server_properties(FOLDER, port=1, controller_port=2)

    assert told["listeners"] == "CLIENT://127.0.0.1:1,CONTROLLER://127.0.0.1:2"
    assert told["advertised.listeners"] == "CLIENT://127.0.0.1:1"


def test_a_typing_error_makes_no_topic():
    assert (
        server_properties(FOLDER, port=1, controller_port=2)["auto.create.topics.enable"] == "false"
    )


def test_passwords_are_in_no_text_of_the_secured_listener():
    secured = Secured(Path("server.pem"), Path("ca.pem"), {"ada": "a-password"})

    assert "a-password" not in repr(secured)


def test_a_path_reaches_java_whatever_is_in_its_name():
    assert as_text({"log.dirs": "a b/ü/😀\\"}) == "log.dirs=a b/\\u00fc/\\ud83d\\ude00\\\\\n"
