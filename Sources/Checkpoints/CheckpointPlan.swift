public import Diagnostics
import Foundation

/// How tensors are spread over the files of a checkpoint: known to the byte before any is written.
///
/// Tensors fill shards in the order given; a shard is closed before the tensor that would take it
/// past the limit, so a tensor larger than that has a shard of its own. Within a shard they are
/// laid out by type and name. The same tensors in the same order always give the same files.
public struct CheckpointPlan: Sendable {
  /// One file that holds tensors.
  package struct Shard: Sendable {
    /// A tensor with its place.
    package struct Entry: Sendable, Equatable {
      package let info: TensorInfo
      /// The tensor's bytes, counted from the file's start.
      package let byteRange: Range<Int>

      package init(info: TensorInfo, byteRange: Range<Int>) {
        (self.info, self.byteRange) = (info, byteRange)
      }
    }

    package let fileName: String
    /// The file's first bytes, all that come before its tensors.
    package let encodedHeader: [UInt8]
    /// The tensors in the order of their bytes. What lies between them is zeros.
    package let entries: [Entry]
    /// Bytes of the whole file.
    package let byteCount: Int

    package init(fileName: String, encodedHeader: [UInt8], entries: [Entry], byteCount: Int) {
      self.fileName = fileName
      self.encodedHeader = encodedHeader
      self.entries = entries
      self.byteCount = byteCount
    }

    /// A safetensors file.
    init(fileName: String, header: SafetensorsHeader) {
      let encoded = header.encoded
      let start = encoded.count
      self.init(
        fileName: fileName, encodedHeader: encoded,
        entries: header.entries.map {
          Entry(
            info: $0.info,
            byteRange: start + $0.offsets.lowerBound..<start + $0.offsets.upperBound)
        },
        byteCount: start + header.dataByteCount)
    }
  }

  /// Bytes of tensors in one file where nobody asks for another limit.
  public static let usualShardByteCountLimit = 5_000_000_000

  package let shards: [Shard]
  /// Which shard holds which tensor; nil if there is only one.
  package let index: ShardIndex?
  /// Bytes of all tensors.
  public let tensorByteCount: Int

  /// Bytes of all files that hold tensors, and of their index.
  public var byteCount: Int {
    shards.reduce(index?.text.utf8.count ?? 0) { $0 + $1.byteCount }
  }

  /// Spreads `tensors` over as few shards of at most `shardByteCountLimit` bytes of elements as
  /// their order allows.
  ///
  /// - Parameter fileFormat: What the files say that they are, `format` of their metadata.
  /// - Throws: `InputError` of code `invalidValue` if two tensors have the same name, or a name is
  ///   reserved, or a shape has too many elements to count.
  /// - Precondition: `shardByteCountLimit` is positive.
  public init(
    _ tensors: [TensorInfo], fileFormat: String = "pt",
    shardByteCountLimit: Int = usualShardByteCountLimit
  ) throws(InputError) {
    precondition(shardByteCountLimit > 0)
    var names: Set<String> = []
    var groups: [[TensorInfo]] = [[]]
    var (groupByteCount, total) = (0, 0)
    for tensor in tensors {
      func failure(_ message: String) -> InputError {
        InputError(.invalidValue, place: place(ofTensor: tensor.name), message)
      }
      guard tensor.name != SafetensorsHeader.metadataKey else {
        throw failure("is a name that no tensor can have in a safetensors file")
      }
      guard names.insert(tensor.name).inserted else {
        throw failure("would be in the checkpoint twice")
      }
      guard let byteCount = tensor.dtype.byteCount(ofShape: tensor.shape) else {
        throw failure("its shape \(tensor.shape) has too many elements")
      }
      let (sum, overflows) = total.addingReportingOverflow(byteCount)
      guard !overflows else { throw failure("all tensors together are too large") }
      total = sum
      if groupByteCount > 0, byteCount > shardByteCountLimit - groupByteCount {
        groups.append([])
        groupByteCount = 0
      }
      groups[groups.count - 1].append(tensor)
      groupByteCount += byteCount
    }
    tensorByteCount = total
    shards = groups.enumerated().map { position, tensors in
      Shard(
        fileName: Self.fileName(ofShard: position, of: groups.count),
        header: SafetensorsHeader(layingOut: tensors, metadata: ["format": fileFormat]))
    }
    guard shards.count > 1 else {
      index = nil
      return
    }
    var shardOfTensor: [String: String] = [:]
    for shard in shards {
      for entry in shard.entries { shardOfTensor[entry.info.name] = shard.fileName }
    }
    index = ShardIndex(shardOfTensor: shardOfTensor, tensorByteCount: total)
  }

  /// One file whose layout is known already, such as one of another format.
  ///
  /// - Precondition: Names of tensors are unique, and their bytes together do not exceed `Int`.
  package init(_ file: Shard) {
    shards = [file]
    index = nil
    tensorByteCount = file.entries.reduce(0) { $0 + $1.info.byteCount }
  }

  private static func fileName(ofShard position: Int, of count: Int) -> String {
    count == 1
      ? "model.safetensors"
      : String(format: "model-%05d-of-%05d.safetensors", position + 1, count)
  }
}
