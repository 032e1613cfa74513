#if COVERAGE
  import Foundation

  // libFuzzer's own loop, which the compiler's -sanitize=fuzzer links in.
  @_silgen_name("LLVMFuzzerRunDriver")
  private func runDriver(
    _ count: UnsafeMutablePointer<CInt>,
    _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?>,
    _ body: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt
  ) -> CInt

  nonisolated(unsafe) private var current: FuzzTarget?

  /// Lets libFuzzer look for inputs that reach what others have not, beginning with the parser's seeds.
  func coverageGuided(_ target: FuzzTarget, _ options: [String]) -> CInt {
    current = target
    let found = URL(filePath: "out/fuzz/\(target.name)")
    try? FileManager.default.createDirectory(at: found, withIntermediateDirectories: true)
    let words =
      ["fuzz"] + options + [
        "-timeout=1", "-rss_limit_mb=1024", "-artifact_prefix=fuzz-\(target.name)-",
      ]
      + [found.path, "Fuzz/Corpus/\(target.name)"]
    var pointers: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
    var count = CInt(words.count)
    return pointers.withUnsafeMutableBufferPointer { buffer in
      var base = buffer.baseAddress
      return runDriver(&count, &base) { bytes, count in
        try? current?.run(Array(UnsafeBufferPointer(start: bytes, count: count)))
        return 0
      }
    }
  }
#endif
