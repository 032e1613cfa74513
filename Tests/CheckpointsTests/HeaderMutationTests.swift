import Checkpoints
import Diagnostics
import Foundation
import Tensors
import TestSupport
import Testing

/// Random damage to valid documents: whatever the bytes, the reader must answer with a value that
/// keeps its promises or with an `InputError`.
@Suite struct HeaderMutationTests {
  /// What damage inserts: the pieces that headers are made of, and numbers at the edges.
  static let pieces = [
    "{", "}", "[", "]", ",", ":", "\"", "\\", "\\u0000", "\\ud800", " ", "\0", "-", "0", "1", "9",
    ".", "e9", "null", "true", "{}", "[]", "\"a\":", "\"dtype\":\"F32\",", "\"shape\":[0],",
    "\"data_offsets\":[0,0],", "__metadata__", "4294967296", "9223372036854775807",
    "9223372036854775808", "18446744073709551615", "F64", "BOOL", "F8_E4M3",
  ].map { Array($0.utf8) }

  static func mutate(_ bytes: inout [UInt8], _ generator: inout SeededGenerator) {
    for _ in 0..<(1 + generator.below(3)) {
      let position = generator.below(bytes.count + 1)
      let end = min(bytes.count, position + 1 + generator.below(8))
      switch generator.below(7) {
      case 0 where position < bytes.count: bytes[position] ^= 1 << generator.below(8)
      case 1 where position < bytes.count:
        bytes[position] = UInt8(truncatingIfNeeded: generator.next())
      case 2: bytes.removeSubrange(position..<end)
      case 3: bytes.insert(contentsOf: pieces[generator.below(pieces.count)], at: position)
      case 4: bytes.replaceSubrange(position..<end, with: pieces[generator.below(pieces.count)])
      case 5: bytes.insert(contentsOf: bytes[position..<end], at: generator.below(bytes.count + 1))
      default:  // Another number in place of one, the most telling damage.
        guard
          let digit = bytes.indices.filter({ (0x30...0x39).contains(bytes[$0]) }).randomElement(
            using: &generator)
        else { break }
        bytes[digit] = 0x30 + UInt8(generator.below(10))
      }
    }
  }

  @Test(arguments: [UInt64(1), 2, 3, 4])
  func damagedHeadersAreReadSafelyOrRefused(seed: UInt64) throws {
    let dataByteCount = 46
    let valid = Array(
      """
      {"__metadata__":{"format":"pt"},"model.norm.weight":{"dtype":"BF16","shape":[4],"data_offsets":[0,8]},\
      "w":{"dtype":"F32","shape":[3,3],"data_offsets":[8,44]},"e":{"dtype":"I64","shape":[2,0],"data_offsets":[44,44]},\
      "s":{"dtype":"U8","shape":[1,2],"data_offsets":[44,46]}}
      """.utf8)
    var generator = SeededGenerator(seed: seed)
    var accepted = 0
    var broken: [String] = []
    for _ in 0..<40_000 {
      var bytes = valid
      Self.mutate(&bytes, &generator)
      do throws(InputError) {
        let header = try SafetensorsHeader(json: bytes, dataByteCount: dataByteCount)
        accepted += 1
        var end = 0
        let isSound = header.entries.everySatisfies { entry in
          defer { end = entry.offsets.upperBound }
          let byteCount = entry.info.shape.reduce(1, *) * entry.info.dtype.byteCount
          return entry.offsets.lowerBound == end && entry.offsets.count == byteCount
        }
        if !isSound || end != dataByteCount {
          broken.append(String(decoding: bytes, as: UTF8.self))
        }
      } catch {
        if error.code != .malformed && error.code != .unsupported { broken.append("\(error)") }
      }
    }
    #expect(broken.isEmpty)
    // Both ways must be taken, or the damage is too great or too little to say anything.
    #expect((100..<39_000).contains(accepted))
  }

  @Test(arguments: [UInt64(5), 6])
  func damagedIndexesAreReadSafelyOrRefused(seed: UInt64) throws {
    let valid = Array(
      """
      {"metadata":{"total_size":189056},"weight_map":{"a.weight":"model-00001-of-00002.safetensors",\
      "b":"model-00002-of-00002.safetensors"}}
      """.utf8)
    var generator = SeededGenerator(seed: seed)
    var accepted = 0
    var broken: [String] = []
    for _ in 0..<20_000 {
      var bytes = valid
      Self.mutate(&bytes, &generator)
      do throws(InputError) {
        let index = try ShardIndex(json: bytes)
        accepted += 1
        broken += index.shardNames.filter { $0.contains("/") || !$0.hasSuffix(".safetensors") }
      } catch {
        if ![.malformed, .invalidValue, .missing].contains(error.code) {
          broken.append("\(error)")
        }
      }
    }
    #expect(broken.isEmpty)
    #expect((100..<19_000).contains(accepted))
  }

  /// The eight bytes before the header, and whole files.
  @Test(arguments: [UInt64(7), 8])
  func damagedFilesOpenSafelyOrAreRefused(seed: UInt64) throws {
    let valid = safetensorsBytes(
      #"{"a":{"dtype":"F16","shape":[2,3],"data_offsets":[0,12]}}  "#, data: 12)
    var generator = SeededGenerator(seed: seed)
    try withTemporaryFolder { folder in
      for _ in 0..<2_000 {
        var bytes = valid
        if generator.below(2) == 0 {
          bytes[generator.below(8)] ^= 1 << generator.below(8)
        } else {
          Self.mutate(&bytes, &generator)
        }
        let url = try write(bytes, to: "damaged.safetensors", in: folder)
        do {
          let file = try SafetensorsFile(opening: url)
          for entry in file.entries {
            #expect(try file.tensor(entry.name).bytes.count == entry.byteRange.count)
          }
        } catch let error as InputError {
          #expect(error.source == url.path)
        }
      }
    }
  }
}
