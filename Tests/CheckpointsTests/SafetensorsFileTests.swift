import Checkpoints
import Diagnostics
import Foundation
import Tensors
import TestSupport
import Testing

@Suite struct SafetensorsFileTests {
  func open(_ bytes: [UInt8]) throws -> SafetensorsFile {
    try withTemporaryFolder { folder in
      try SafetensorsFile(opening: write(bytes, to: "model.safetensors", in: folder))
    }
  }

  @Test func readsNamesTypesShapesAndBytes() throws {
    let file = try open(
      safetensorsBytes(
        """
        {"__metadata__":{"format":"pt","note":"ä"},"b":{"dtype":"U8","shape":[3],"data_offsets":[8,11]},\
        "a":{"dtype":"I32","shape":[2,1],"data_offsets":[0,8]}}
        """, data: 11))
    #expect(file.metadata == ["format": "pt", "note": "ä"])
    #expect(file.entries.map(\.name) == ["a", "b"])
    #expect(file.entry("a")?.shape == [2, 1])
    #expect(try file.tensor("b").bytes == [8, 9, 10])
    let a = try file.tensor("a")
    #expect(a.dtype == .int32 && a.shape == [2, 1])
    #expect(a.elements(as: Int32.self) == [0x0302_0100, 0x0706_0504])
    expectInputError(.missing, mentioning: ["model.safetensors", "'c'"]) { try file.tensor("c") }
  }

  @Test(arguments: [
    "{}", "{}   \n\t", #"{"__metadata__":{}}"#,
    #"{"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}"#,
    #"{"a":{"dtype":"F32","shape":[3,0,4],"data_offsets":[0,0]},"b":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}"#,
    #"{"a":{"shape":[],"future":[{"x":null}],"dtype":"BOOL","data_offsets":[0,1]}}"#,
    #"{"":{"dtype":"U8","shape":[1,1,1,1,1,1,1,1,1,1],"data_offsets":[0,1]}}"#,
  ])
  func acceptsUnusualFilesThatFollowTheFormat(header: String) throws {
    let dataByteCount = header.contains("[0,1]") ? 1 : 0
    let file = try open(safetensorsBytes(header, data: dataByteCount))
    for entry in file.entries {
      #expect(try file.tensor(entry.name).shape == entry.shape)
    }
  }

  @Test(arguments: DType.allCases)
  func everyTypeHasItsTag(dtype: DType) throws {
    #expect(DType(safetensorsTag: dtype.safetensorsTag) == dtype)
    let header =
      #"{"a":{"dtype":"\#(dtype.safetensorsTag)","shape":[2],"data_offsets":[0,\#(2 * dtype.byteCount)]}}"#
    let tensor = try open(safetensorsBytes(header, data: 2 * dtype.byteCount)).tensor("a")
    #expect(tensor.dtype == dtype)
    #expect(tensor.bytes == (0..<2 * dtype.byteCount).map { UInt8($0) })
  }

  @Test func tensorsAreViewsWhereAlignedAndCopiesElsewhere() throws {
    for padding in 0..<8 {
      let header =
        #"{"a":{"dtype":"F64","shape":[2],"data_offsets":[0,16]}}"#
        + String(repeating: " ", count: padding)
      let tensor = try open(safetensorsBytes(header, data: 16)).tensor("a")
      #expect(tensor.bytes == (0..<16).map { UInt8($0) })
      #expect(tensor.withUnsafeBytes { Int(bitPattern: $0.baseAddress) % 8 == 0 })
    }
  }

  @Test func writingToATensorLeavesTheFileAlone() throws {
    try withTemporaryFolder { folder in
      let bytes = safetensorsBytes(
        #"{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}"#, data: 4)
      let url = try write(bytes, to: "model.safetensors", in: folder)
      let file = try SafetensorsFile(opening: url)
      var tensor = try file.tensor("a")
      tensor.withUnsafeMutableBytes { $0[0] = 99 }
      #expect(tensor.bytes == [99, 1, 2, 3])
      #expect(try file.tensor("a").bytes == [0, 1, 2, 3])
      #expect(try [UInt8](Data(contentsOf: url)) == bytes)
    }
  }

  @Test func tensorsOutliveTheFileValueAndTheFilesName() throws {
    let tensor = try open(
      safetensorsBytes(#"{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}"#, data: 4)
    ).tensor("a")
    #expect(tensor.bytes == [0, 1, 2, 3])
  }

  @Test func aMillionTensorsOpen() throws {
    var header = "{"
    for index in 0..<1_000_000 {
      header += #""\#(index)":{"dtype":"U8","shape":[1],"data_offsets":[\#(index),\#(index + 1)]},"#
    }
    header.removeLast()
    let file = try open(safetensorsBytes(header + "}", data: 1_000_000))
    #expect(file.entries.count == 1_000_000)
    #expect(try file.tensor("999999").bytes == [UInt8(truncatingIfNeeded: 999_999)])
  }

  @Test func whatIsNoFileIsUnreadable() throws {
    try withTemporaryFolder { folder in
      expectInputError(.unreadable, mentioning: [folder.path, "folder"]) {
        try SafetensorsFile(opening: folder)
      }
      expectInputError(.unreadable, mentioning: ["none.safetensors", "No such file"]) {
        try SafetensorsFile(opening: folder.appending(path: "none.safetensors"))
      }
      expectInputError(.unreadable, mentioning: ["not a regular file"]) {
        try SafetensorsFile(opening: URL(filePath: "/dev/zero"))
      }
      let pipe = folder.appending(path: "pipe")
      try #require(mkfifo(pipe.path, 0o600) == 0)
      expectInputError(.unreadable, mentioning: ["not a regular file"]) {
        try SafetensorsFile(opening: pipe)
      }
    }
  }
}
