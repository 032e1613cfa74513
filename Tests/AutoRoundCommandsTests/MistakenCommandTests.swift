import Foundation
import TestSupport
import Testing

/// Command lines with a mistake: exit code 64, one sentence that begins with `error:` and says what was meant.
@Suite struct MistakenCommandTests {
  private func expectMistake(
    _ arguments: [String], _ message: String, in folder: URL? = nil,
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let run = try CommandRun(CommandRun.product("autoround"), arguments, in: folder)
    #expect(run.status == 64, "\(run.errors)", sourceLocation: sourceLocation)
    #expect(run.output.isEmpty, sourceLocation: sourceLocation)
    let first = run.errors.split(separator: "\n").first ?? ""
    #expect(first == "error: \(message)", "\(run.errors)", sourceLocation: sourceLocation)
  }

  @Test(arguments: [
    (["quantise"], "there is no command 'quantise'; did you mean 'quantize'?"),
    (["help", "quantise"], "there is no command 'quantise'; did you mean 'quantize'?"),
    (
      ["serve"],
      "there is no command 'serve'; there are plan, quantize, evaluate, generate, chat, inspect, verify, diff, convert, importance, list"
    ),
    (
      ["quantize", "m", "--ouput", "x"],
      "quantize has no option '--ouput'; did you mean '--output'?"
    ),
    (
      ["quantize", "m", "--output", "x", "--iters", "3"],
      "quantize has no option '--iters'; did you mean '--iterations'?"
    ),
    (
      ["plan", "m", "--max_seq_length=3"],
      "plan has no option '--max_seq_length'; did you mean '--sequence-length'?"
    ),
    (
      ["quantize", "m", "--nsamples", "3"],
      "quantize has no option '--nsamples'; did you mean '--samples'?"
    ),
    (
      ["quantize", "m", "--quant_lm_head"],
      "quantize has no option '--quant_lm_head'; did you mean '--lm-head quantize'?"
    ),
    (
      ["evaluate", "m", "--seqlen", "3"],
      "evaluate has no option '--seqlen'; did you mean '--sequence-length'?"
    ),
    (
      ["plan", "m", "--num_hidden_layers", "3"], "plan has no option '--num_hidden_layers'"
    ),
    (
      ["quantize", "m", "--device_map", "0"],
      "quantize has no option '--device_map'; it computes on the processor"
    ),
    (
      ["plan", "m", "--act_bits", "8"],
      "plan has no option '--act_bits'; the inputs of layers are part of a scheme: --scheme W4A8, FP8_DYNAMIC or FP8 (static), or a recipe"
    ),
    (["quantize", "m", "--output", "x", "--bogus"], "quantize has no option '--bogus'"),
    (["inspect", "a", "--jsn"], "inspect has no option '--jsn'; did you mean '--json'?"),
    (["plan", "m", "--bogus"], "plan has no option '--bogus'"),
    (["plan"], "missing expected argument '<checkpoint>'"),
  ])
  func namesWhatWasMeant(_ arguments: [String], _ message: String) throws {
    try expectMistake(arguments, message)
  }

  @Test(arguments: [
    (["--samples", "-1"], "--samples must be a whole number from 1 to 1000000; it is -1"),
    (["--seed", "-1"], "--seed must be a whole number from 0 to 4294967295; it is -1"),
    (["--learning-rate", "-1"], "--learning-rate must be a number above 0; it is -1.0"),
    (["--samples", "--seed", "1"], "missing value for '--samples <samples>'"),
    (["--log", "--lg"], "--log has no value; one that begins with dashes is written --log=--lg"),
    (["--scheme", "W4A17"], "--scheme: unknown scheme 'W4A17'; did you mean W4A16?"),
    (
      ["--scheme", "W4A16", "--bits", "3"],
      "--bits 3: contradicts the scheme W4A16, which is 4-bit int symmetric, groups of 128; keep one of them"
    ),
    (["--scheme", "w4a16", "--asym"], "--asym: contradicts the scheme W4A16, which is"),
    (["--scheme", "W4A16G64", "--group-size", "32"], "--group-size 32: contradicts the scheme"),
    (["--group-size", "-2"], "--group-size must be a whole number from 1 to 2147483648, or -1"),
    (["--preset", "turbo"], "the value 'turbo' is invalid for '--preset <preset>'"),
    (["--samples", "0"], "--samples must be a whole number from 1 to 1000000; it is 0"),
  ])
  func valuesThatMeanNothing(_ options: [String], _ message: String) throws {
    for command in [["quantize", "m", "--output", "o"], ["plan", "m"]] {
      let run = try Invocation(command + options)
      #expect(run.status == 64, "\(run.errors)")
      #expect(run.errors.lowercased().hasPrefix("error: \(message)".lowercased()), "\(run.errors)")
    }
  }

  @Test func valuesOfOtherCommandsThatMeanNothing() throws {
    for (arguments, message) in [
      (["generate", "m", "--prompt", "p", "--temperature", "-1"], "--temperature must be 0 or a"),
      (
        ["convert", "m", "--output", "o", "--format", "foo"],
        "--format: found 'foo', expected one of "
      ),
      (["quantize", "m", "--output", "o", "--ignore", "re:("], "--ignore: 're:('"),
      (
        ["quantize", "m", "--output", "o", "--scheme", "w4"],
        "--scheme: unknown scheme 'w4'; supported"
      ),
    ] {
      let run = try Invocation(arguments)
      #expect(run.status == 64, "\(run.errors)")
      #expect(run.errors.hasPrefix("error: \(message)"), "\(run.errors)")
    }
  }

  /// A prompt that begins with a dash is a prompt: what is wrong is only the folder.
  @Test func aValueMayBeginWithADash() throws {
    let run = try Invocation("generate", "nowhere", "--prompt", "-x")
    #expect(run.status == 1)
    #expect(run.errors.hasSuffix("nowhere: there is no such folder\n"), "\(run.errors)")
  }

  @Test func usageIsThatOfTheCommand() throws {
    let run = try Invocation("plan")
    #expect(run.errors.contains("Usage: autoround plan "), "\(run.errors)")
    #expect(run.errors.contains("See 'autoround plan --help'"), "\(run.errors)")
    let help = try Invocation("plan", "--help")
    #expect(help.status == 0)
    #expect(help.output.contains("--sequence-length"), "\(help.output)")
  }

  /// An empty argument is what an unset variable of a shell leaves.
  @Test(arguments: [
    ["quantize", "", "--output", "o"], ["quantize", "m", "--output", ""],
    ["quantize", "m", "--output="], ["quantize", "m", "--output", "o", "--recipe", ""],
    ["quantize", "m", "--output", "o", "--calibration", ""],
    ["quantize", "m", "--output", "o", "--ignore", "a", ""],
    ["quantize", "m", "--output", "o", "--events", ""],
    ["quantize", "m", "--output", "o", "--log="],
    ["quantize", "m", "--output", "o", "--scheme", ""],
    ["quantize", "m", "--output", "o", "--base-model", ""],
    ["quantize", "m", "--output", "o", "--", ""],
    ["plan", ""], ["plan", "m", "--output", ""], ["inspect", ""], ["verify", ""],
    ["verify", "m", "--source", ""], ["diff", "", "b"], ["diff", "a", ""],
    ["convert", "", "--format", "dense", "--output", "o"],
    ["convert", "a", "--format", "dense", "--output", ""],
    ["convert", "a", "--format", "", "--output", "o"],
    ["evaluate", "", "--text", "t"], ["evaluate", "a", "--text", ""],
    ["evaluate", "a", "--text", "t", "--against", ""], ["generate", "", "--prompt", "p"],
  ])
  func nothingIsNoPath(_ arguments: [String]) throws {
    let run = try Invocation(arguments)
    #expect(run.status == 64, "\(run.errors)")
    #expect(run.errors.contains(" is empty; is a variable of the shell not set?"), "\(run.errors)")
  }

  /// The worst that an unset variable has done: the folder that somebody works in was replaced.
  @Test func theFolderThatOneWorksInIsKept() throws {
    try withTemporaryFolder { folder in
      let project = folder.appending(path: "project")
      for name in ["src", ".git"] {
        try FileManager.default.createDirectory(
          at: project.appending(path: name), withIntermediateDirectories: true)
      }
      try Data(#"{"port": 8080}"#.utf8).write(to: project.appending(path: "config.json"))
      try Data("code".utf8).write(to: project.appending(path: "src/main.js"))
      let before = try FileManager.default.subpathsOfDirectory(atPath: project.path).sorted()
      let model = Fixtures.examples.appending(path: "books-llama-6m").path
      let command = ["quantize", model, "--model-free", "--overwrite", "--output"]
      try expectMistake(
        command + [""], "--output is empty; is a variable of the shell not set?", in: project)
      for output in [".", project.path, "../project"] {
        let run = try CommandRun(CommandRun.product("autoround"), command + [output], in: project)
        #expect(run.status == 1)
        #expect(run.errors.contains("is the working folder"), "\(run.errors)")
      }
      let outside = try CommandRun(
        CommandRun.product("autoround"), command + ["project"], in: folder)
      #expect(outside.status == 1)
      #expect(outside.errors.contains("no part of a checkpoint, so it is not overwritten"))
      #expect(try FileManager.default.subpathsOfDirectory(atPath: project.path).sorted() == before)
      #expect(try names(in: folder) == ["project"])
    }
  }
}
