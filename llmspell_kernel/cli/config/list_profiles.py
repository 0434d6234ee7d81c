"""`llmspell config list-profiles`."""

from __future__ import annotations

import click

from llmspell_kernel.cli.frame import Frame, command, pass_frame


@command(
    name="list-profiles",
    epilog="""\b
Examples:
  llmspell config list-profiles --detailed
  llmspell -p restricted config show --origins      what one of them sets
  llmspell -p bases/cli,envs/prod config show       layers over each other""",
)
@click.option("-d", "--detailed", is_flag=True, help="Also what each builds on and sets.")
@pass_frame
def list_profiles(frame: Frame, detailed: bool) -> None:
    """List the profiles that --profile can name.

    A preset goes by its bare name; layers are combined with commas, the later over the earlier.
    """
    from llmspell_kernel.cli.output import Table
    from llmspell_kernel.config.layers import Profile, profiles, read_profile
    from llmspell_kernel.config.writing import toml_value

    def settings(profile: Profile) -> dict[str, object]:
        return {".".join(key): value for key, (value, _) in read_profile(profile.name).items()}

    found = profiles()
    data = [
        {
            "name": each.name,
            "description": each.description,
            "extends": list(each.extends),
            **({"settings": settings(each)} if detailed else {}),
        }
        for each in found
    ]
    if detailed:
        blocks = []
        for each in found:
            lines = [each.name, f"    {each.description}"]
            if each.extends:
                lines.append(f"    builds on {', '.join(each.extends)}")
            lines += [f"    {key} = {toml_value(value)}" for key, value in settings(each).items()]
            blocks.append("\n".join(lines))
        frame.show(data, "\n\n".join(blocks))
    else:
        frame.show(data, Table(("profile", "description"), [(each.name, each.description) for each in found]))
