public import Foundation

/// Reads a finished checkpoint from its files and checks all that can be checked: how the files fit together,
/// every quantized layer, what runtimes ask for, and with a source every tensor against it.
///
/// ```swift
/// let report = Verifier(folder, source: original).run()
/// for finding in report.findings { print(finding.place, finding.message) }
/// ```
///
/// Nothing of the code that writes checkpoints is used; which tensors a model has, in which shapes, its family says.
public struct Verifier: Sendable {
  /// The folder of a checkpoint of compressed-tensors, GPTQ, AWQ or auto_round.
  public var folder: URL
  /// The checkpoint that it was made from; nil to do without.
  public var source: URL?
  /// The tensors of a source that is no checkpoint, in its place.
  private let tensors: [SourceTensor]?
  /// What is known of the run that wrote the checkpoint; nil: what its report says.
  private let reach: TuningReach?

  /// A verifier of what is in a folder.
  public init(_ folder: URL, source: URL? = nil) { self.init(folder, source: source, reach: nil) }

  package init(
    _ folder: URL, source: URL?, reach: TuningReach?, tensors: [SourceTensor]? = nil
  ) {
    (self.folder, self.source, self.reach, self.tensors) = (folder, source, reach, tensors)
  }

  /// What a checkpoint is compared with.
  enum Source {
    case folder(URL)
    case tensors([SourceTensor])
  }

  /// Reads all of the checkpoint, and of its source. What is wrong is in the report; nothing is thrown.
  public func run() -> VerificationReport {
    var report = VerificationReport()
    report.check(
      folder, source: tensors.map(Source.tensors) ?? source.map(Source.folder), reach: reach)
    return report
  }
}
