import Diagnostics
public import JSONText

/// What reading a finished checkpoint again has shown.
public struct VerificationReport: Sendable, Equatable {
  /// Something that is wrong.
  public struct Finding: Sendable, Equatable {
    /// What kind of harm it does.
    public enum Kind: String, Sendable {
      /// The checkpoint is not what was written, or what the source asks for.
      case damage
      /// A runtime does not load the checkpoint, or reads it otherwise.
      case contract
    }
    /// What kind of harm it does.
    public var kind: Kind
    /// The file, the tensor or the module.
    public var place: String
    /// What was found and what was expected.
    public var message: String

    /// Creates a finding.
    public init(_ kind: Kind, _ place: String, _ message: String) {
      (self.kind, self.place, self.message) = (kind, place, message)
    }
  }

  /// One file of the checkpoint.
  public struct File: Sendable, Equatable {
    /// Its name in the folder.
    public var name: String
    /// Its size in bytes.
    public var byteCount: Int
    /// The SHA-256 of its bytes in hexadecimal digits.
    public var digest: String
  }

  /// Everything that is wrong; empty for a sound checkpoint.
  public var findings: [Finding] = []
  /// All files of the folder, by name.
  public var files: [File] = []
  /// Tensors in all files.
  public var tensorCount = 0
  /// Linear layers that are quantized.
  public var quantizedLayerCount = 0
  /// How many devices can share each layer evenly, up to 64; never empty.
  public var tensorParallelSizes: [Int] = []
  /// The programs that serve such checkpoints, and whether they load this one.
  public var runtimes: [RuntimeSupport] = []
  /// Whether keys and values are quantized.
  package var quantizesKeysAndValues = false
  /// The SHA-256 of each tensor's bytes, by name.
  package var tensorDigests: [String: String] = [:]
  /// Those of ``findings`` that are about groups that do not divide.
  package var partialGroups: [Finding] = []
  /// Why programs do not load it, besides the kernels that they lack.
  var refusals: [Runtime: [String]] = [:]
  /// Whether the tensors were compared with those of a source.
  public var comparesSource = false

  /// A report that says nothing yet.
  package init() {}

  /// The report as a JSON object.
  public var json: JSONValue {
    [
      "findings": .array(
        findings.map {
          [
            "kind": .string($0.kind.rawValue), "place": .string($0.place),
            "message": .string($0.message),
          ]
        }),
      "tensors": JSONValue(tensorCount), "quantized_layers": JSONValue(quantizedLayerCount),
      "tensor_parallel_sizes": .array(tensorParallelSizes.map { JSONValue($0) }),
      "runtimes": .array(runtimes.map(\.json)),
      "compared_with_source": .bool(comparesSource),
      "files": .array(
        files.map {
          [
            "name": .string($0.name), "bytes": JSONValue($0.byteCount),
            "sha256": .string($0.digest),
          ]
        }),
    ]
  }

  /// The report in lines of text.
  public var lines: [String] {
    var lines = [findings.isEmpty ? "sound" : "not sound: \(countOfFindings)"]
    lines += findings.map { "\($0.kind.rawValue)  \($0.place): \($0.message)" }
    lines.append(
      "\(tensorCount) tensors, \(quantizedLayerCount) quantized layers, "
        + (comparesSource ? "compared with the source" : "not compared with a source"))
    lines.append(
      "tensor parallelism: \(tensorParallelSizes.map(String.init).joined(separator: ", "))")
    lines += runtimes.map(\.line)
    return lines + files.map { "\($0.digest)  \($0.name)" }
  }

  /// The number of findings in words.
  public var countOfFindings: String { counted(findings.count, "finding") }

  /// - Parameters:
  ///   - runtimes: The programs that do not load the checkpoint for it.
  ///   - reason: Why, in a few words; nil: the place and the message.
  mutating func add(
    _ kind: Finding.Kind, _ place: String, _ message: String, refusedBy runtimes: [Runtime] = [],
    _ reason: String? = nil
  ) {
    let finding = Finding(kind, visible(place), message)
    findings.append(finding)
    for runtime in runtimes {
      refusals[runtime, default: []].append(reason ?? "\(finding.place) \(message)")
    }
  }
}

extension RuntimeSupport {
  /// The support as a JSON object.
  public var json: JSONValue {
    ["name": .string(name), "loads": .bool(isLoading), "remark": .string(remark)]
  }

  /// The support in a line of text.
  public var line: String { "\(name): \(statement)" }

  /// The support in words, without the program's name.
  package var statement: String {
    (isLoading ? "loads it" : "does not load it") + (remark.isEmpty ? "" : ", \(remark)")
  }
}
