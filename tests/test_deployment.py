"""Who can reach the page, and what the options and the environment come to."""

import pytest

from deployment import Deployment, StartError, decide, get_parser


def decided(*options: str, **environment: str) -> Deployment:
    return decide(get_parser(environment).parse_args(options), environment)


def test_alone_at_one_s_machine_everything_is_allowed():
    assert decided() == Deployment("127.0.0.1", None, "", local=True, copies=False, training=True)


def test_other_machines_need_a_login_or_a_word_of_trust():
    with pytest.raises(StartError, match=r"--auth USER:PASSWORD, or say --trusted-network"):
        decided("--host", "0.0.0.0")
    for agreed in (("--auth", "me:secret"), ("--trusted-network",)):
        here = decided("--host", "0.0.0.0", *agreed)
        assert (here.host, here.local, here.copies, here.training) == ("0.0.0.0", False, False, True)


def test_behind_a_proxy_visitors_sit_elsewhere():
    assert decided("--root-path", "/studio/").root_path == "/studio"
    assert decided("--root-path", "https://example.org/a/studio").root_path == "https://example.org/a/studio"
    for path in ("/", "/studio"):
        assert not decided("--root-path", path).local
    assert decided("--root-path", "/").root_path == ""
    assert decided(GRADIO_ROOT_PATH="/studio").root_path == "/studio"


def test_a_space_listens_gives_copies_and_does_not_train():
    here = decided(SPACE_ID="somebody/studio")
    assert here == Deployment("0.0.0.0", None, "", local=False, copies=True, training=False)
    assert decided(SPACE_ID="somebody/studio", STUDIO_TRAINING="on").training
    assert not decided("--training", "off").training


def test_the_environment_says_what_the_command_line_does_not():
    told = {
        "STUDIO_MODEL": "somebody/model",
        "STUDIO_DATASET": "/songs",
        "STUDIO_HOST": "0.0.0.0",
        "STUDIO_PORT": "8000",
        "STUDIO_AUTH": "me:secret",
        "STUDIO_ROOT_PATH": "/studio",
        "STUDIO_NO_BROWSER": "on",
        "STUDIO_TRUSTED_NETWORK": "off",
    }
    read = get_parser(told).parse_args(["--port", "8001"])
    assert (read.model, str(read.dataset), read.port, read.no_browser) == ("somebody/model", "/songs", 8001, True)
    here = decide(read, told)
    assert (here.host, here.auth, here.root_path) == ("0.0.0.0", ("me", "secret"), "/studio")
    with pytest.raises(StartError, match="STUDIO_TRUSTED_NETWORK"):
        get_parser({"STUDIO_TRUSTED_NETWORK": "perhaps"})
    with pytest.raises(StartError, match="STUDIO_TRAINING"):
        decided(STUDIO_TRAINING="perhaps")
