import Calibration
import Checkpoints
import Diagnostics
import JSONText
import Recipes
import Reporting

/// Everything that decides the bytes of a run's output, as named texts: two runs with equal
/// fingerprints write the same files.
///
/// The matrix library and the number of threads are among them: how it divides a product, and so the order
/// of a sum, may depend on both.
struct RunFingerprint {
  /// Names, as the user knows them, with their values.
  private let entries: [(name: String, value: String)]

  /// Reads all of the source.
  ///
  /// - Parameters:
  ///   - setup: How the model is run.
  ///   - modifier: What it is that rounds.
  ///   - description: How it is computed: type, kernels, matrix library, threads.
  ///   - progress: Told how much of the source is read.
  static func make(
    _ run: Preparation, _ setup: CalibrationSetup, _ calibration: CalibrationData,
    modifier: String, _ description: RunDescription, progress: (Double) throws -> Void
  ) throws -> RunFingerprint {
    var entries: [(name: String, value: String)] =
      [
        ("program version", ProgramVersion.current),
        ("device", description.device),
        ("compute type", description.computeType),
        ("instruction set", description.instructionSet),
        ("matrix library", description.matrixLibrary),
        ("threads", "\(description.threadCount)"),
        ("modifier", modifier),
        ("gradients", setup.gradientPrecision.rawValue),
        ("portions of a block (\(OptionName.memoryBudget))", "\(setup.portionCount)"),
      ] + run.options.fingerprint + [
        ("samples", "\(calibration.samples.count)"),
        ("sequence length", "\(calibration.sequenceLength)"),
        ("calibration tokens", calibration.hash),
        ("ignore", run.options.ignore.joined(separator: " ")),
        ("scheme", run.options.schemeSummary),
        ("formats", run.copies.map(\.format.name).joined(separator: " ")),
        ("output configuration", run.copies.map(\.contents.identity).joined(separator: " ")),
        ("bytes of a file (\(OptionName.shardByteCountLimit))", "\(run.shardByteCountLimit)"),
        ("recipe", run.options.recipe.yaml),
      ]
    for (part, digest) in try run.survey.checkpoint.fingerprint(progress: progress) {
      entries.append(("the model's \(part)", digest))
    }
    return RunFingerprint(entries: entries)
  }

  /// What is not the same in `earlier`, in words.
  func differences(from earlier: RunFingerprint) -> [String] {
    func short(_ value: String?) -> String? {
      guard let value else { return "absent" }
      return value.count <= 60 && !value.contains("\n") ? quoted(value) : nil
    }
    let names = entries.map(\.name)
    let added = earlier.entries.map(\.name).filter { !names.contains($0) }
    let differing = (names + added).filter { value($0) != earlier.value($0) }
    // These two hold what the other options say, and matter where nothing else differs.
    let summaries = ["output configuration", "recipe"]
    let plain = differing.filter { !summaries.contains($0) }
    return (plain.isEmpty ? differing : plain).map {
      guard let before = short(earlier.value($0)), let now = short(value($0)) else {
        return "\($0): its content is another"
      }
      return "\($0): it was \(before), now it is \(now)"
    }
  }

  /// Refuses a source that was written to while the run read it, unless its bytes are what they were.
  func requireUnchanged(_ now: RunFingerprint, source: String) throws(InputError) {
    let differences = now.differences(from: self)
    guard !differences.isEmpty else { return }
    throw InputError(
      .malformed, source: source,
      "was changed while it was read: \(differences.prefix(5).joined(separator: "; ")); begin anew "
        + "with \(OptionName.restart)")
  }

  private func value(_ name: String) -> String? { entries.first { $0.name == name }?.value }

  /// The fingerprint as an object of strings.
  var json: JSONValue {
    .object(entries.map { JSONValue.Member($0.name, .string($0.value)) })
  }
}

extension RunFingerprint {
  /// Reads what ``json`` gives.
  init(_ reader: JSONReader) throws {
    entries = try reader.members().map { ($0.key, try $0.reader.string()) }
  }
}
