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
struct RunFingerprint: Equatable {
  /// Names, as the user knows them, with their values.
  private(set) var entries: [(name: String, value: String)] = []

  /// - Parameters:
  ///   - configuration: The output's, which says what each layer becomes.
  ///   - modifier: What it is that rounds.
  ///   - run: How it is computed: type, kernels, matrix library, threads.
  ///   - progress: Told how much of the source is read.
  init(
    source: Checkpoint, options: ResolvedOptions, calibration: CalibrationData,
    configuration: JSONValue, modifier: String, run: RunDescription, gradients: String,
    progress: (Double) throws -> Void
  ) throws {
    entries =
      [
        ("program version", ProgramVersion.current),
        ("compute type", run.computeType),
        ("instruction set", run.instructionSet),
        ("matrix library", run.matrixLibrary),
        ("threads", "\(run.threadCount)"),
        ("modifier", modifier),
        ("gradients", gradients),
      ] + options.fingerprint + [
        ("samples", "\(calibration.samples.count)"),
        ("sequence length", "\(calibration.sequenceLength)"),
        ("calibration tokens", calibration.hash),
        ("ignore", options.ignore.joined(separator: " ")),
        ("scheme", options.schemeSummary),
        ("output configuration", configuration.text()),
        ("recipe", options.recipe.yaml),
      ]
    for (part, digest) in try source.fingerprint(progress: progress) {
      entries.append(("the model's \(part)", digest))
    }
  }

  private init(entries: [(name: String, value: String)]) { self.entries = entries }

  static func == (a: RunFingerprint, b: RunFingerprint) -> Bool { a.differences(from: b).isEmpty }

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

  init(_ reader: JSONReader) throws(InputError) {
    var entries: [(String, String)] = []
    for member in try reader.members() { entries.append((member.key, try member.reader.string())) }
    self.init(entries: entries)
  }
}
