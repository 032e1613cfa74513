// Tries the program's parsers with damaged inputs.
//
//   fuzz [--runs N] [--seed S] [TARGET...]   mutations of the seeds in Fuzz/Corpus, the same from one seed
//   fuzz --file FILE TARGET                  one input, such as one that a run has left

import Foundation

var arguments = Array(CommandLine.arguments.dropFirst())

func fail(_ message: String) -> Never {
  FileHandle.standardError.write(Data("fuzz: \(message)\n".utf8))
  exit(64)
}

@MainActor func take(_ option: String) -> String? {
  guard let index = arguments.firstIndex(of: option) else { return nil }
  guard index + 1 < arguments.count else { fail("\(option) needs a value") }
  defer { arguments.removeSubrange(index...index + 1) }
  return arguments[index + 1]
}

/// Writes a line at once, also where the output is no terminal.
func say(_ line: String) { FileHandle.standardOutput.write(Data("\(line)\n".utf8)) }

func target(_ name: String) -> FuzzTarget {
  guard let target = FuzzTarget.all.first(where: { $0.name == name }) else {
    fail(
      "there is no parser '\(name)'; there are \(FuzzTarget.all.map(\.name).joined(separator: ", "))"
    )
  }
  return target
}

/// The paths of the files below `folder` whose names are taken, in their order.
func files(_ folder: String, where isTaken: (String) -> Bool = { _ in true }) -> [String] {
  let paths = try? FileManager.default.subpathsOfDirectory(atPath: folder)
  return (paths ?? []).filter { isTaken(($0 as NSString).lastPathComponent) }.sorted()
    .map { "\(folder)/\($0)" }
}

/// The seeds of a parser, each of which it accepts.
func seeds(_ target: FuzzTarget) -> [[UInt8]] {
  var paths = files("Fuzz/Corpus/\(target.corpus ?? target.name)")
  if target.takesModels {
    let models = files("Tests/Fixtures/models") { ["config.json", "config_hub.json"].contains($0) }
    guard !models.isEmpty else { fail("there are no models in Tests/Fixtures/models") }
    paths += models
  }
  guard !paths.isEmpty else {
    fail("\(target.name) has no seeds; run this at the root of the repository")
  }
  return paths.map { path in
    guard let bytes = FileManager.default.contents(atPath: path) else {
      fail("\(path) cannot be read")
    }
    do { try target.run(Array(bytes)) } catch { fail("\(path) is refused: \(error)") }
    return Array(bytes)
  }
}

func run(_ target: FuzzTarget, seeds: [[UInt8]], runs: Int, seed: UInt64) {
  var mutator = Mutator(target, seeds: seeds, seed: seed)
  var (accepted, longest) = (0, Duration.zero)
  let clock = ContinuousClock()
  let start = clock.now
  Watch.begin(writing: "fuzz-\(target.name)-\(seed)")
  for _ in 0..<runs {
    let bytes: [UInt8] = mutator.next()
    Watch.enter(bytes)
    let begin = clock.now
    if (try? target.run(bytes)) != nil { accepted += 1 }
    longest = max(longest, clock.now - begin)
    Watch.leave()
  }
  var usage = rusage()
  getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
  let name = target.name.padding(toLength: 20, withPad: " ", startingAt: 0)
  say(
    String(
      format: "%@ %9d inputs %6.1f s, %5.1f %% accepted, at most %6.1f ms and %4d MB", name, runs,
      (clock.now - start) / .seconds(1), 100 * Double(accepted) / Double(runs),
      longest / .milliseconds(1), usage.ru_maxrss / 1000))
}

let runs = Int(take("--runs") ?? "20000") ?? 0
let seed = UInt64(take("--seed") ?? "1") ?? 1
defer { try? FileManager.default.removeItem(at: FuzzTarget.scratch) }
if let file = take("--file") {
  guard let bytes = FileManager.default.contents(atPath: file) else {
    fail("\(file) cannot be read")
  }
  do {
    try target(arguments.first ?? "").run(Array(bytes))
    say("accepted")
  } catch {
    say("refused: \(error)")
  }
} else {
  guard runs > 0 else { fail("--runs needs a number") }
  let targets = (arguments.isEmpty ? FuzzTarget.all.map(\.name) : arguments).map(target)
  // Seeds that no longer fit their format are told before the first hour is spent.
  for (target, seeds) in targets.map({ ($0, seeds($0)) }) {
    run(target, seeds: seeds, runs: runs, seed: seed)
  }
}
