import Checkpoints
import Diagnostics
import Execution
public import Foundation
import GGUF
import JSONText
import QuantizedCheckpoints
public import Reporting
import Tensors
import Verification

/// Writes a quantized checkpoint or a file of llama.cpp in other formats without tuning it again, or any checkpoint as such a
/// file.
///
/// Integers, floats, scales and zero points stay what they are; only their layout changes. The model itself
/// need not be known, but for a file of llama.cpp.
public struct CheckpointConversion {
  /// The checkpoint to read.
  public var checkpoint: URL
  /// How the layers are to be stored; where there are several formats, each gets a folder of its name in the output.
  public var formats: [ConversionFormat]
  /// The folder to write.
  public var output: URL
  /// Whether a checkpoint that is there may be replaced.
  public var overwrite: Bool
  /// Most bytes of tensors in one file; a tensor that is larger has a file of its own.
  public var shardByteCountLimit = CheckpointPlan.usualShardByteCountLimit

  /// Whether layers whose numbers a format does not hold as they are may be rounded again.
  public var requantizes = false

  /// A file of what errors weigh in the columns of weights, as llama-imatrix writes it, for what is rounded; files of
  /// llama.cpp alone heed it.
  public var importances: URL?

  /// What a conversion did.
  public struct Report: Sendable, Equatable {
    /// Layers that were laid out anew.
    public var layerCount: Int
    /// Bytes of the tensors before.
    public var sourceByteCount: Int
    /// What was written, by format: its folder, and the bytes of its tensors.
    public var outputs: [OutputReport]
    /// What the user should know.
    public var remarks: [String]

    /// The report as lines for people.
    package var lines: [String] {
      ["layers     \(layerCount)"]
        + outputs.flatMap { output in
          [
            "size       \(Quantities.bytes(sourceByteCount)) -> \(Quantities.bytes(output.byteCount))",
            "written    \(output.folder.path(percentEncoded: false))",
          ]
        } + remarks.map { "note       \($0)" }
    }
  }

  /// Creates a conversion.
  public init(
    checkpoint: URL, formats: [ConversionFormat], output: URL, overwrite: Bool = false
  ) {
    self.checkpoint = checkpoint
    self.formats = formats
    self.output = output
    self.overwrite = overwrite
  }

  /// Reads, lays out anew and writes.
  ///
  /// - Throws: `InputError`; `unsupported` for a layer whose numbers a format cannot hold.
  public func run() throws -> Report {
    try ConversionFormat.requireDistinct(formats)
    let source = try Checkpoint.model(opening: checkpoint)
    try source.requireReadableFiles()
    try source.requireInside("recipe.yaml")
    var file: GGUFModelFile?
    let copies = try formats.map { format in try copy(of: source, &file, as: format) }
    let folder = try PartialFolder(output: output, sources: [checkpoint], overwrite: overwrite)
    defer { folder.discard() }
    try folder.clear()
    try folder.requireSpace(copies.reduce(0) { $0 + $1.plan.byteCount })
    var outputs: [OutputReport] = []
    var remarks = (source.made == nil ? [] : source.remarks) + copies.flatMap(\.remarks)
    for copy in copies {
      let name = formats.count > 1 ? copy.format.folderName : nil
      let writer = try CheckpointWriter(copy.plan, in: folder, at: name)
      remarks += try copy.write(to: writer)
      let digests = VerificationReport.digests(of: URL(filePath: writer.root))
      try writer.write(digests.sums, toFile: VerificationReport.sumsFile)
      try writer.complete()
      outputs.append(
        OutputReport(
          format: copy.format.name, folder: name.map { output.appending(path: $0) } ?? output,
          byteCount: copy.plan.tensorByteCount, bitsPerWeight: copy.bitsPerWeight))
    }
    try folder.commit()
    return Report(
      layerCount: copies.map(\.layerCount).max() ?? 0, sourceByteCount: source.byteCount,
      outputs: outputs, remarks: remarks)
  }

  /// - Parameter file: The source as it becomes a file of llama.cpp, opened for the first of these.
  private func copy(
    of source: Checkpoint, _ file: inout GGUFModelFile?, as format: ConversionFormat
  ) throws -> any OutputCopy {
    if case .gguf(let type) = format.kind {
      let opened = try file ?? GGUFModelFile(of: source, in: checkpoint)
      file = opened
      return try GGUFCopy(
        of: opened, as: type, mayRoundAgain: requantizes,
        importances: importances.map { url throws(InputError) in try GGUFImportances(opening: url) }
      )
    }
    return try ConvertedCopy(
      of: source, as: format, mayRoundAgain: requantizes, shardByteCountLimit: shardByteCountLimit)
  }
}
